"""Adam in one operation per variable."""

from __future__ import annotations

import keras
import tensorflow as tf

from rnntext.train.products import Tensor


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` (Kingma, Ba 2015, algorithm 1) with TensorFlow's fused kernel for its update.

    With g the gradient of a weight w, and t = 1, 2, ... the number of the update, in the order of operations that the
    paper's section 2 gives as the more efficient one:

        m' = beta_1 m + (1 - beta_1) g
        v' = beta_2 v + (1 - beta_2) g^2
        w' = w - learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m' / (sqrt(v') + epsilon)

    Keras's own update is some twenty operations for each variable, each of which goes over all of memory again.
    """

    def update_step(self, gradient: Tensor, variable: tf.Variable, learning_rate: Tensor) -> None:
        """Changes a variable in place; `gradient` has its shape. Keras calls this."""
        t = tf.cast(self.iterations + 1, tf.float32)
        index = self._get_variable_index(variable)
        m = self._momentums[index].value
        v = self._velocities[index].value
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=tf.pow(self.beta_1, t),
            beta2_power=tf.pow(self.beta_2, t),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )
