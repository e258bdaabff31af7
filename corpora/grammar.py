"""Writes `grammar.tsv` and `grammar-heldout.tsv`: pairs of an English and a Spanish sentence from one grammar.

    python corpora/grammar.py

Every English sentence of this grammar has one Spanish translation: subject pronouns are dropped, "you" is "tú", "was"
is the imperfect, the past of other verbs the preterite (the imperfect for states such as "had"), and what English
leaves open does not occur (the gender of "they" in "they are tired", the tense of "they read").

A pair of a noun and an adjective, or of a noun and a verb, is withheld if its hash says so. No sentence for training
contains both words of a withheld pair; every held-out sentence has a withheld pair at its heart, all of whose words are
frequent in training, each in other company.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

TRAINING = 28_000  # pairs
HELDOUT = 1_200
WITHHELD_ONE_IN = 14
RARE = 1 / 700  # of the sentences so far: only those with a rarer word are taken, so that no form is left behind
OFTEN = 20  # a word of a held-out sentence occurs at least so often in training
SAME_PAIR = 8  # held-out sentences around the same withheld pair, at most

T = TypeVar("T")
Kinds = frozenset[str]

PRESENT, PAST, FUTURE = range(3)
# The persons of a verb: I, you, he or she, we, they.
FIRST, SECOND, THIRD, WE, THEY = range(5)
# The forms of an adjective: masculine, feminine, and both in the plural, are numbered 2 * plural + feminine.

# Tables ---------------------------------------------------------------------------------------------------------------

# English singular/plural, Spanish article (for the gender) and singular/plural. Without plural: only used in singular.
NOUNS_BY_KIND = {
    "person": """
        man/men el hombre/hombres, woman/women la mujer/mujeres, boy/boys el niño/niños, girl/girls la niña/niñas,
        king/kings el rey/reyes, queen/queens la reina/reinas, prince/princes el príncipe/príncipes,
        princess/princesses la princesa/princesas, ferryman/ferrymen el barquero/barqueros,
        ferrywoman/ferrywomen la barquera/barqueras, fisherman/fishermen el pescador/pescadores,
        postman/postmen el cartero/carteros, washerwoman/washerwomen la lavandera/lavanderas,
        shepherd/shepherds el pastor/pastores, shepherdess/shepherdesses la pastora/pastoras,
        monk/monks el monje/monjes, nun/nuns la monja/monjas, witch/witches la bruja/brujas,
        lady/ladies la señora/señoras, gentleman/gentlemen el señor/señores""",
    "kin": """
        mother la madre, father el padre, grandmother la abuela, grandfather el abuelo, godmother la madrina,
        godfather el padrino, brother/brothers el hermano/hermanos, sister/sisters la hermana/hermanas,
        son/sons el hijo/hijos, daughter/daughters la hija/hijas, uncle/uncles el tío/tíos, aunt/aunts la tía/tías,
        nephew/nephews el sobrino/sobrinos, niece/nieces la sobrina/sobrinas""",
    "name": "Marten el Marten, Bram el Bram, Tilda la Tilda",
    "animal": """
        dog/dogs el perro/perros, cat/cats el gato/gatos, horse/horses el caballo/caballos, cow/cows la vaca/vacas,
        pig/pigs el cerdo/cerdos, goat/goats la cabra/cabras, mouse/mice el ratón/ratones, wolf/wolves el lobo/lobos,
        fox/foxes el zorro/zorros, bear/bears el oso/osos, ox/oxen el buey/bueyes, rabbit/rabbits el conejo/conejos,
        frog/frogs la rana/ranas, donkey/donkeys el burro/burros, hen/hens la gallina/gallinas""",
    "bird": """
        bird/birds el pájaro/pájaros, duck/ducks el pato/patos, goose/geese el ganso/gansos, owl/owls el búho/búhos,
        eagle/eagles la águila/águilas""",
    "fruit": """
        apple/apples la manzana/manzanas, pear/pears la pera/peras, cherry/cherries la cereza/cerezas,
        lemon/lemons el limón/limones, orange/oranges la naranja/naranjas, tomato/tomatoes el tomate/tomates,
        plum/plums la ciruela/ciruelas""",
    "loaf": """
        bread el pan, cheese el queso, meat la carne, cake/cakes el pastel/pasteles, onion/onions la cebolla/cebollas,
        potato/potatoes la patata/patatas""",
    "food": "soup la sopa, rice el arroz, honey la miel, egg/eggs el huevo/huevos, nut/nuts la nuez/nueces",
    "drink": "water la agua, milk la leche, wine el vino, coffee el café, tea el té, beer la cerveza",
    "text": """
        letter/letters la carta/cartas, book/books el libro/libros, poem/poems el poema/poemas,
        story/stories el cuento/cuentos, song/songs la canción/canciones, message/messages el mensaje/mensajes,
        newspaper/newspapers el periódico/periódicos, recipe/recipes la receta/recetas, diary/diaries el diario/diarios,
        telegram/telegrams el telegrama/telegramas""",
    "tool": """
        lamp/lamps la lámpara/lámparas, key/keys la llave/llaves, clock/clocks el reloj/relojes,
        rope/ropes la cuerda/cuerdas, axe/axes la hacha/hachas, hammer/hammers el martillo/martillos,
        mirror/mirrors el espejo/espejos, bell/bells la campana/campanas, net/nets la red/redes""",
    "trifle": """
        candle/candles la vela/velas, coin/coins la moneda/monedas, ring/rings el anillo/anillos,
        pencil/pencils el lápiz/lápices, flower/flowers la flor/flores, photo/photos la foto/fotos,
        map/maps el mapa/mapas, umbrella/umbrellas el paraguas/paraguas""",
    "dish": """
        cup/cups la taza/tazas, plate/plates el plato/platos, spoon/spoons la cuchara/cucharas,
        knife/knives el cuchillo/cuchillos, bottle/bottles la botella/botellas""",
    "instrument": """
        guitar/guitars la guitarra/guitarras, harp/harps la arpa/arpas, flute/flutes la flauta/flautas,
        violin/violins el violín/violines, piano/pianos el piano/pianos, drum/drums el tambor/tambores""",
    "container": """
        box/boxes la caja/cajas, basket/baskets la cesta/cestas, suitcase/suitcases la maleta/maletas,
        bag/bags la bolsa/bolsas, cupboard/cupboards el armario/armarios, drawer/drawers el cajón/cajones""",
    "clothes": """
        hat/hats el sombrero/sombreros, shirt/shirts la camisa/camisas, dress/dresses el vestido/vestidos,
        coat/coats el abrigo/abrigos, shoe/shoes el zapato/zapatos, scarf/scarves la bufanda/bufandas,
        glove/gloves el guante/guantes, skirt/skirts la falda/faldas, sock/socks el calcetín/calcetines,
        boot/boots la bota/botas""",
    "furniture": """
        table/tables la mesa/mesas, chair/chairs la silla/sillas, bed/beds la cama/camas,
        bench/benches el banco/bancos, shelf/shelves el estante/estantes""",
    "opening": "door/doors la puerta/puertas, window/windows la ventana/ventanas",
    "building": """
        house/houses la casa/casas, mill/mills el molino/molinos, castle/castles el castillo/castillos,
        church/churches la iglesia/iglesias, school/schools la escuela/escuelas, tower/towers la torre/torres,
        shop/shops la tienda/tiendas, hospital/hospitals el hospital/hospitales, hotel/hotels el hotel/hoteles,
        library/libraries la biblioteca/bibliotecas, bakery/bakeries la panadería/panaderías""",
    "room": """
        kitchen/kitchens la cocina/cocinas, classroom/classrooms la aula/aulas, stable/stables el establo/establos,
        cellar/cellars el sótano/sótanos""",
    "site": """
        market/markets el mercado/mercados, garden/gardens el jardín/jardines,
        station/stations la estación/estaciones, harbour/harbours el puerto/puertos""",
    "town": "city/cities la ciudad/ciudades, village/villages el pueblo/pueblos",
    "land": "forest/forests el bosque/bosques, field/fields el campo/campos, valley/valleys el valle/valles",
    "landmark": "mountain/mountains la montaña/montañas, island/islands la isla/islas, hill/hills la colina/colinas",
    "crossing": """
        bridge/bridges el puente/puentes, street/streets la calle/calles, square/squares la plaza/plazas,
        road/roads el camino/caminos""",
    "water": "river/rivers el río/ríos, lake/lakes el lago/lagos, sea el mar",
    "tree": "tree/trees el árbol/árboles, oak/oaks el roble/robles, willow/willows el sauce/sauces",
    "vehicle": """
        boat/boats el barco/barcos, train/trains el tren/trenes, car/cars el coche/coches, cart/carts el carro/carros,
        bicycle/bicycles la bicicleta/bicicletas""",
    "sky": "sun el sol, moon la luna, star/stars la estrella/estrellas",
    "body": """
        head la cabeza, back la espalda, hand/hands la mano/manos, foot/feet el pie/pies, tooth/teeth el diente/dientes,
        knee/knees la rodilla/rodillas, arm/arms el brazo/brazos, leg/legs la pierna/piernas, eye/eyes el ojo/ojos""",
}
# Feminine nouns that begin with a stressed a: el agua, un hacha, but esta agua, las hachas.
STRESSED_A = {"agua", "águila", "arpa", "aula", "hacha"}

# Several kinds under one name.
KIND_GROUPS = {
    "people": "person kin name",
    "beasts": "animal bird",
    "goods": "tool trifle dish instrument container clothes",
    "houses": "building room site",
}

# English/comparative (none for what has no degrees); Spanish (rojo is four forms; two: singular and plural); kinds.
ADJECTIVES_WITH_SER = """
    red: rojo: container clothes furniture opening vehicle fruit dish
    blue: azul azules: container clothes furniture opening vehicle dish
    green: verde verdes: container clothes furniture opening vehicle fruit tree
    yellow: amarillo: container clothes furniture opening vehicle fruit
    white: blanco: container clothes furniture opening animal building dish
    black: negro: container clothes furniture vehicle animal
    grey: gris grises: clothes beasts building
    brown: marrón marrones: container clothes animal furniture
    big/bigger: grande grandes: goods furniture opening beasts fruit vehicle building houses tree town land crossing
    small/smaller: pequeño: goods furniture opening beasts fruit vehicle building houses tree town water
    old/older: viejo: people animal tool instrument container clothes furniture vehicle building tree crossing text
    new/newer: nuevo: tool instrument container clothes furniture vehicle building dish opening
    long/longer: largo: text crossing clothes
    short/shorter: corto: text clothes
    tall/taller: alto: people tree building
    heavy/heavier: pesado: container tool furniture instrument
    light/lighter: ligero: container clothes furniture
    strong/stronger: fuerte fuertes: people animal
    weak/weaker: débil débiles: people animal
    rich/richer: rico: people town
    poor/poorer: pobre pobres: people town
    young/younger: joven jóvenes: person animal
    kind/kinder: amable amables: people
    brave/braver: valiente valientes: people animal
    intelligent/more intelligent: inteligente inteligentes: people beasts
    elegant/more elegant: elegante elegantes: people clothes
    talkative/more talkative: hablador habladora habladores habladoras: people
    English: inglés inglesa ingleses inglesas: person text vehicle
    French: francés francesa franceses francesas: person text vehicle
    famous/more famous: famoso: person building text town
    cheap/cheaper: barato: tool trifle dish instrument clothes fruit vehicle furniture
    expensive/more expensive: caro: tool trifle dish instrument clothes fruit vehicle furniture
    modern/more modern: moderno: building vehicle furniture room
    beautiful/more beautiful: hermoso: trifle clothes instrument building town land water bird text tree
    ugly/uglier: feo: clothes furniture container building
    useful/more useful: útil útiles: tool dish container
    easy/easier: fácil fáciles: text
    difficult/more difficult: difícil difíciles: text
    interesting/more interesting: interesante interesantes: text town
    sweet/sweeter: dulce dulces: fruit
    round: redondo: furniture dish container
    wide/wider: ancho: crossing opening water
    narrow/narrower: estrecho: crossing opening furniture
    deep/deeper: profundo: water
    dangerous/more dangerous: peligroso: animal crossing water land landmark
    quiet/quieter: tranquilo: town land site crossing
    wooden: de_madera de_madera: furniture container opening dish
"""
ADJECTIVES_WITH_ESTAR = """
    tired/more tired: cansado: people animal
    sad/sadder: triste tristes: people animal
    happy/happier: feliz felices: people animal
    sick: enfermo: people animal
    angry/angrier: enfadado: people animal
    busy/busier: ocupado: people
    worried/more worried: preocupado: people
    dirty/dirtier: sucio: clothes dish furniture opening container animal
    clean/cleaner: limpio: clothes dish furniture opening container room
    empty: vacío: container building room
    full: lleno: container
    broken: roto: dish tool instrument opening furniture
    cold/colder: frío: drink food loaf
    hot/hotter: caliente calientes: drink food loaf
    wet/wetter: mojado: clothes animal
    dry/drier: seco: clothes
    fresh/fresher: fresco: loaf fruit
    ripe: maduro: fruit
"""

# (who does it, to what): first line: base, third person, past [+particle]: infinitive [preposition].
# Second line: the present of I, you, he or she, we, they; their past, the preterite.
VERBS_OF_ACTION = {
    ("people beasts", "food loaf fruit"): """
        eat eats ate: comer
        como comes come comemos comen; comí comiste comió comimos comieron
    """,
    ("people beasts", "drink"): """
        drink drinks drank: beber
        bebo bebes bebe bebemos beben; bebí bebiste bebió bebimos bebieron
    """,
    ("people", "food loaf fruit"): """
        cook cooks cooked: cocinar
        cocino cocinas cocina cocinamos cocinan; cociné cocinaste cocinó cocinamos cocinaron
    """,
    ("people", "text"): """
        write writes wrote: escribir
        escribo escribes escribe escribimos escriben; escribí escribiste escribió escribimos escribieron
        read reads read: leer
        leo lees lee leemos leen; leí leíste leyó leímos leyeron
        translate translates translated: traducir
        traduzco traduces traduce traducimos traducen; traduje tradujiste tradujo tradujimos tradujeron
        understand understands understood: entender
        entiendo entiendes entiende entendemos entienden; entendí entendiste entendió entendimos entendieron
    """,
    ("people", "text trifle"): """
        send sends sent: enviar
        envío envías envía enviamos envían; envié enviaste envió enviamos enviaron
        receive receives received: recibir
        recibo recibes recibe recibimos reciben; recibí recibiste recibió recibimos recibieron
    """,
    ("people", "goods text beasts vehicle loaf fruit"): """
        buy buys bought: comprar
        compro compras compra compramos compran; compré compraste compró compramos compraron
        sell sells sold: vender
        vendo vendes vende vendemos venden; vendí vendiste vendió vendimos vendieron
    """,
    ("people", "goods text"): """
        find finds found: encontrar
        encuentro encuentras encuentra encontramos encuentran; encontré encontraste encontró encontramos encontraron
        place places placed: poner
        pongo pones pone ponemos ponen; puse pusiste puso pusimos pusieron
    """,
    ("people", "trifle tool clothes"): """
        lose loses lost: perder
        pierdo pierdes pierde perdemos pierden; perdí perdiste perdió perdimos perdieron
    """,
    ("people", "dish tool instrument"): """
        break breaks broke: romper
        rompo rompes rompe rompemos rompen; rompí rompiste rompió rompimos rompieron
    """,
    ("people", "tool instrument vehicle furniture"): """
        repair repairs repaired: reparar
        reparo reparas repara reparamos reparan; reparé reparaste reparó reparamos repararon
    """,
    ("people", "clothes"): """
        wear wears wore: llevar
        llevo llevas lleva llevamos llevan; llevé llevaste llevó llevamos llevaron
    """,
    ("people", "clothes dish"): """
        wash washes washed: lavar
        lavo lavas lava lavamos lavan; lavé lavaste lavó lavamos lavaron
    """,
    ("people", "goods text food loaf fruit drink"): """
        bring brings brought: traer
        traigo traes trae traemos traen; traje trajiste trajo trajimos trajeron
    """,
    ("people", "goods people"): """
        look looks looked +for: buscar
        busco buscas busca buscamos buscan; busqué buscaste buscó buscamos buscaron
    """,
    ("people", "building furniture opening vehicle"): """
        paint paints painted: pintar
        pinto pintas pinta pintamos pintan; pinté pintaste pintó pintamos pintaron
    """,
    ("people", "building vehicle crossing"): """
        build builds built: construir
        construyo construyes construye construimos construyen; construí construiste construyó construimos construyeron
    """,
    ("people", "opening container"): """
        open opens opened: abrir
        abro abres abre abrimos abren; abrí abriste abrió abrimos abrieron
        close closes closed: cerrar
        cierro cierras cierra cerramos cierran; cerré cerraste cerró cerramos cerraron
    """,
    ("people", "instrument"): """
        play plays played: tocar
        toco tocas toca tocamos tocan; toqué tocaste tocó tocamos tocaron
    """,
    ("people", "goods text fruit"): """
        give gives gave: dar
        doy das da damos dan; di diste dio dimos dieron
    """,
    ("people", "goods text vehicle"): """
        lend lends lent: prestar
        presto prestas presta prestamos prestan; presté prestaste prestó prestamos prestaron
    """,
    ("people", "people building landmark water tree sky vehicle goods"): """
        see sees saw: ver
        veo ves ve vemos ven; vi viste vio vimos vieron
    """,
    ("people", "people instrument"): """
        hear hears heard: oír
        oigo oyes oye oímos oyen; oí oíste oyó oímos oyeron
        listen listens listened +to: escuchar
        escucho escuchas escucha escuchamos escuchan; escuché escuchaste escuchó escuchamos escucharon
    """,
    ("people", "people"): """
        help helps helped: ayudar
        ayudo ayudas ayuda ayudamos ayudan; ayudé ayudaste ayudó ayudamos ayudaron
        greet greets greeted: saludar
        saludo saludas saluda saludamos saludan; saludé saludaste saludó saludamos saludaron
        invite invites invited: invitar
        invito invitas invita invitamos invitan; invité invitaste invitó invitamos invitaron
        follow follows followed: seguir
        sigo sigues sigue seguimos siguen; seguí seguiste siguió seguimos siguieron
    """,
    ("people", "people building town landmark"): """
        visit visits visited: visitar
        visito visitas visita visitamos visitan; visité visitaste visitó visitamos visitaron
    """,
    ("people", "people water landmark building sky tree"): """
        look looks looked +at: mirar
        miro miras mira miramos miran; miré miraste miró miramos miraron
    """,
    ("people", "people vehicle text"): """
        wait waits waited +for: esperar
        espero esperas espera esperamos esperan; esperé esperaste esperó esperamos esperaron
    """,
    ("people animal", "crossing water land"): """
        cross crosses crossed: cruzar
        cruzo cruzas cruza cruzamos cruzan; crucé cruzaste cruzó cruzamos cruzaron
    """,
    ("people animal", "building room"): """
        enter enters entered: entrar en
        entro entras entra entramos entran; entré entraste entró entramos entraron
    """,
    ("people", "houses town"): """
        leave leaves left: salir de
        salgo sales sale salimos salen; salí saliste salió salimos salieron
    """,
    ("people", "houses town landmark"): """
        go goes went +to: ir a
        voy vas va vamos van; fui fuiste fue fuimos fueron
        return returns returned +to: volver a
        vuelvo vuelves vuelve volvemos vuelven; volví volviste volvió volvimos volvieron
    """,
    ("people vehicle", "building site"): """
        arrive arrives arrived +at: llegar a
        llego llegas llega llegamos llegan; llegué llegaste llegó llegamos llegaron
    """,
    ("people vehicle", "town site landmark"): """
        come comes came +from: venir de
        vengo vienes viene venimos vienen; vine viniste vino vinimos vinieron
    """,
    ("people", "houses land"): """
        work works worked +in: trabajar en
        trabajo trabajas trabaja trabajamos trabajan; trabajé trabajaste trabajó trabajamos trabajaron
    """,
    ("people animal", "water"): """
        swim swims swam +in: nadar en
        nado nadas nada nadamos nadan; nadé nadaste nadó nadamos nadaron
    """,
    ("people animal", ""): """
        sleep sleeps slept: dormir
        duermo duermes duerme dormimos duermen; dormí dormiste durmió dormimos durmieron
        run runs ran: correr
        corro corres corre corremos corren; corrí corriste corrió corrimos corrieron
    """,
    ("people bird", ""): """
        sing sings sang: cantar
        canto cantas canta cantamos cantan; canté cantaste cantó cantamos cantaron
    """,
    ("people", ""): """
        dance dances danced: bailar
        bailo bailas baila bailamos bailan; bailé bailaste bailó bailamos bailaron
        cry cries cried: llorar
        lloro lloras llora lloramos lloran; lloré lloraste lloró lloramos lloraron
        smile smiles smiled: sonreír
        sonrío sonríes sonríe sonreímos sonríen; sonreí sonreíste sonrió sonreímos sonrieron
        get gets got +up: levantarse
        levanto levantas levanta levantamos levantan; levanté levantaste levantó levantamos levantaron
        sit sits sat +down: sentarse
        siento sientas sienta sentamos sientan; senté sentaste sentó sentamos sentaron
    """,
    ("bird", ""): """
        fly flies flew: volar
        vuelo vuelas vuela volamos vuelan; volé volaste voló volamos volaron
    """,
    ("sky", ""): """
        shine shines shone: brillar
        brillo brillas brilla brillamos brillan; brillé brillaste brilló brillamos brillaron
    """,
}
# As above; their past is the imperfect.
VERBS_OF_STATE = {
    ("people", "goods text beasts vehicle"): """
        have has had: tener
        tengo tienes tiene tenemos tienen; tenía tenías tenía teníamos tenían
    """,
    ("people", "goods food loaf fruit drink beasts vehicle"): """
        want wants wanted: querer
        quiero quieres quiere queremos quieren; quería querías quería queríamos querían
    """,
    ("people", "goods loaf drink vehicle"): """
        need needs needed: necesitar
        necesito necesitas necesita necesitamos necesitan; necesitaba necesitabas necesitaba necesitábamos necesitaban
    """,
    ("people", "people building town landmark"): """
        know knows knew: conocer
        conozco conoces conoce conocemos conocen; conocía conocías conocía conocíamos conocían
    """,
    ("people", "people"): """
        love loves loved: amar
        amo amas ama amamos aman; amaba amabas amaba amábamos amaban
    """,
    ("people animal", "building town land"): """
        live lives lived +in: vivir en
        vivo vives vive vivimos viven; vivía vivías vivía vivíamos vivían
    """,
}
# What is liked and what hurts is the subject in Spanish, so a third person.
LIKE = """
    like likes liked: gustar
    - - gusta - gustan; - - gustó - gustaron
"""
HURT = """
    hurt hurts hurt: doler
    - - duele - duelen; - - dolió - dolieron
"""
# The stem of the future, where it is not the infinitive.
FUTURE_STEMS = {
    "oír": "oir",
    "poner": "pondr",
    "querer": "querr",
    "salir": "saldr",
    "sonreír": "sonreir",
    "tener": "tendr",
    "venir": "vendr",
}
FUTURE_ENDINGS = ("é", "ás", "á", "emos", "án")

# Present, past, future.
SER = (
    ("soy", "eres", "es", "somos", "son"),
    ("era", "eras", "era", "éramos", "eran"),
    ("seré", "serás", "será", "seremos", "serán"),
)
ESTAR = (
    ("estoy", "estás", "está", "estamos", "están"),
    ("estaba", "estabas", "estaba", "estábamos", "estaban"),
    ("estaré", "estarás", "estará", "estaremos", "estarán"),
)
BE = (("am", "are", "is", "are", "are"), ("was", "were", "was", "were", "were"))
CAN = ("puedo", "puedes", "puede", "podemos", "pueden")
MUST = ("debo", "debes", "debe", "debemos", "deben")
CLITICS = ("me", "te", "le", "nos", "les")  # to me, to you, to him or her, to us, to them
REFLEXIVES = ("me", "te", "se", "nos", "se")
FEELINGS = {
    "hungry": "mucha hambre",
    "thirsty": "mucha sed",
    "sleepy": "mucho sueño",
    "afraid": "mucho miedo",
}

NUMBERS = """
    two dos, three tres, four cuatro, five cinco, six seis, seven siete, eight ocho, nine nueve, ten diez, eleven once,
    twelve doce, thirteen trece, fourteen catorce, fifteen quince, sixteen dieciséis, seventeen diecisiete,
    eighteen dieciocho, nineteen diecinueve, twenty veinte
"""
PERIODS = "days días, weeks semanas, months meses, years años"
TIMES = (
    {
        "every day": "todos los días",
        "every morning": "todas las mañanas",
        "every night": "todas las noches",
        "every week": "todas las semanas",
        "on Mondays": "los lunes",
        "on Saturdays": "los sábados",
        "on Sundays": "los domingos",
        "in the morning": "por la mañana",
        "in the afternoon": "por la tarde",
        "at night": "por la noche",
    },
    {
        "yesterday": "ayer",
        "last night": "anoche",
        "last week": "la semana pasada",
        "last month": "el mes pasado",
        "last year": "el año pasado",
        "last summer": "el verano pasado",
        "last winter": "el invierno pasado",
    },
    {
        "tomorrow": "mañana",
        "soon": "pronto",
        "next week": "la próxima semana",
        "next month": "el próximo mes",
        "next year": "el próximo año",
        "next summer": "el próximo verano",
        "next winter": "el próximo invierno",
    },
)

# Where somebody does something; where a thing is; where a building is. The preposition, and of what kinds of nouns.
WHERE_PEOPLE_ARE = (
    ("in", "en", "houses town land"),
    ("near", "cerca de", "building site crossing water tree"),
    ("behind", "detrás de", "building tree"),
    ("in front of", "delante de", "building"),
    ("beside", "junto a", "water tree"),
    ("under", "debajo de", "tree"),
)
WHERE_THINGS_ARE = (
    ("on", "sobre", "furniture"),
    ("under", "debajo de", "furniture"),
    ("in", "en", "container room"),
    ("behind", "detrás de", "opening"),
    ("beside", "junto a", "opening furniture"),
)
WHERE_BUILDINGS_ARE = (
    ("near", "cerca de", "water town crossing"),
    ("far from", "lejos de", "water town"),
    ("behind", "detrás de", "site building"),
    ("beside", "junto a", "water crossing"),
)
# What is at which of these places.
LOCATED = (
    ("goods text", WHERE_THINGS_ARE),
    ("people beasts", WHERE_PEOPLE_ARE),
    ("building", WHERE_BUILDINGS_ARE),
)
PRESENT_THERE = (("goods text fruit loaf drink", WHERE_THINGS_ARE), ("person beasts", WHERE_PEOPLE_ARE))

# Words, phrases, sentences --------------------------------------------------------------------------------------------


class Text(NamedTuple):
    """The same in English and in Spanish."""

    en: str
    es: str


NOTHING = Text("", "")


class Bond(NamedTuple):
    """A noun, and an adjective or verb that says something about it; both as they are in a dictionary of English."""

    noun: str
    other: str


class Sentence(NamedTuple):
    """A sentence, and which of its words belong together."""

    text: Text
    bonds: frozenset[Bond]


@dataclass(frozen=True)
class Noun:
    """Singular and plural; the plural is empty where there is none."""

    en: tuple[str, str]
    es: tuple[str, str]
    feminine: bool
    kind: str


@dataclass(frozen=True)
class Adjective:
    """`es` are the four forms; `copula` is ser or estar; `comparative` is empty for what has no degrees."""

    en: str
    comparative: str
    es: tuple[str, ...]
    copula: tuple[tuple[str, ...], ...]
    kinds: Kinds

    @property
    def changes_with_gender(self) -> bool:
        """Whether masculine and feminine differ."""
        return self.es[0] != self.es[1]


@dataclass(frozen=True)
class Verb:
    """`en` are base, third person and past; `es[tense][person]` are the finite forms; `objects` may be empty."""

    en: tuple[str, str, str]
    particle: str
    infinitive: str
    preposition: str
    es: tuple[tuple[str, ...], ...]
    state: bool
    subjects: Kinds = frozenset()
    objects: Kinds = frozenset()

    @property
    def base(self) -> str:
        """The form that stands for the verb."""
        return self.en[0]

    @property
    def reflexive(self) -> bool:
        """Whether me, te, se, nos comes before each form."""
        return self.infinitive.endswith("se")

    def says_tense(self, person: int) -> bool:
        """Whether present and past differ in English: they read, but she reads."""
        return person == THIRD or self.en[0] != self.en[2]


@dataclass(frozen=True)
class Determiner:
    """`es` are the four forms."""

    en: str
    es: tuple[str, str, str, str]


@dataclass(frozen=True)
class Phrase:
    """Nouns with what belongs to them, or a pronoun: these have no heads, and their Spanish is empty.

    `gendered` is False if English does not say whether it is masculine or feminine.
    """

    en: str
    es: str
    person: int
    feminine: bool
    kind: str
    heads: tuple[str, ...] = ()
    gendered: bool = True

    @property
    def form(self) -> int:
        """The number of the form of an adjective."""
        return 2 * (self.person >= WE) + self.feminine


@dataclass(frozen=True)
class Action:
    """A verb with what follows it; `clitic` comes before it in Spanish."""

    verb: Verb
    clitic: str = ""
    rest: Text = NOTHING


A = Determiner("a", ("un", "una", "", ""))
ANOTHER = Determiner("another", ("otro", "otra", "", ""))
THE = Determiner("the", ("el", "la", "los", "las"))
ALL_THE = Determiner("all the", ("", "", "todos los", "todas las"))
NO_DETERMINER = Determiner("", ("", "", "", ""))
IN_GENERAL = Determiner("", THE.es)  # I like bread: me gusta el pan
THIS = (Determiner("this", ("este", "esta", "", "")), Determiner("these", ("", "", "estos", "estas")))
THAT = (Determiner("that", ("ese", "esa", "", "")), Determiner("those", ("", "", "esos", "esas")))
MANY = Determiner("many", ("", "", "muchos", "muchas"))
FEW = Determiner("few", ("", "", "pocos", "pocas"))
HIS = ("su", "su", "sus", "sus")
POSSESSIVES = {
    Determiner("my", ("mi", "mi", "mis", "mis")): FIRST,
    Determiner("your", ("tu", "tu", "tus", "tus")): SECOND,
    Determiner("his", HIS): THIRD,
    Determiner("her", HIS): THIRD,
    Determiner("our", ("nuestro", "nuestra", "nuestros", "nuestras")): WE,
    Determiner("their", HIS): THEY,
}
# I, you and we as often as he and she, or they: their verbs have no other subjects.
PRONOUNS = tuple(
    Phrase(en, "", person, en == "she", "person", gendered=person == THIRD)
    for en, person, times in (
        ("I", FIRST, 2),
        ("you", SECOND, 2),
        ("he", THIRD, 1),
        ("she", THIRD, 1),
        ("we", WE, 2),
        ("they", THEY, 1),
    )
    for _ in range(times)
)
OBJECT_PRONOUNS = {FIRST: "me", SECOND: "you", WE: "us"}
WHO = Phrase("who", "quién", THIRD, False, "person")
VERY, ALSO = Text("very", "muy"), Text("also", "también")
NEVER, ALWAYS = Text("never", "nunca"), Text("always", "siempre")
THERE_IS = (("hay",) * 5, ("había",) * 5, ("habrá",) * 5)


def kinds(names: str) -> Kinds:
    """The kinds of nouns that these names, of kinds or of groups of them, stand for."""
    return frozenset(" ".join(KIND_GROUPS.get(name, name) for name in names.split()).split())


PEOPLE = kinds("people")
OWNED = kinds("goods text beasts vehicle building furniture")
POSSESSED = OWNED | kinds("food loaf fruit drink opening kin")
LIKED = kinds("food loaf fruit drink text goods beasts building town landmark")
# Where a transitive verb may be followed by a place.
PORTABLE = kinds("goods text food loaf fruit drink people")
# Read after can, these are "saber" or nothing at all: sabe nadar, vemos la torre.
SKILLS = {"swim", "play", "read", "write", "cook", "dance", "sing", "translate", "paint", "repair"}
SENSES = {"see", "hear", "understand"}
GIVING = {"give", "lend"}
# What do you know, what do you play: another verb in Spanish.
NEEDS_ITS_OBJECT = {"know", "play", "place"} | GIVING
# Where do you run: adónde, perhaps.
MEANS_WHERE_TO = {"bring", "fly", "place", "run", "send"}


def _entries(table: str) -> list[tuple[str, ...]]:
    return [tuple(entry.split()) for entry in table.split(",")]


def _nouns() -> Iterable[Noun]:
    for kind, table in NOUNS_BY_KIND.items():
        for english, article, spanish in _entries(table):
            one, _, more = english.partition("/")
            uno, _, otros = spanish.partition("/")
            yield Noun((one, more), (uno, otros), article == "la", kind)


def _adjectives(table: str, copula: tuple[tuple[str, ...], ...]) -> Iterable[Adjective]:
    for line in table.strip().splitlines():
        english, spanish, of_what = line.strip().split(": ")
        en, _, comparative = english.partition("/")
        forms = [form.replace("_", " ") for form in spanish.split()]
        if len(forms) == 1:
            forms = [forms[0].removesuffix("o") + ending for ending in ("o", "a", "os", "as")]
        elif len(forms) == 2:
            forms = [forms[0], forms[0], forms[1], forms[1]]
        yield Adjective(en, comparative, tuple(forms), copula, kinds(of_what))


def _verbs(table: str, state: bool = False, subjects: str = "", objects: str = "") -> Iterable[Verb]:
    lines = [line.strip() for line in table.strip().splitlines()]
    for head, forms in zip(lines[::2], lines[1::2], strict=True):
        english, spanish = head.split(": ")
        english, _, particle = english.partition(" +")
        base, third, past = english.split()
        infinitive, _, preposition = spanish.partition(" ")
        plain = infinitive.removesuffix("se")
        future = tuple(FUTURE_STEMS.get(plain, plain) + ending for ending in FUTURE_ENDINGS)
        es = (*(tuple(tense.split()) for tense in forms.split(";")), future)
        yield Verb((base, third, past), particle, infinitive, preposition, es, state, kinds(subjects), kinds(objects))


NOUNS = tuple(_nouns())
ADJECTIVES = (*_adjectives(ADJECTIVES_WITH_SER, SER), *_adjectives(ADJECTIVES_WITH_ESTAR, ESTAR))
ACTIONS = tuple(v for frame, table in VERBS_OF_ACTION.items() for v in _verbs(table, False, *frame))
STATES = tuple(v for frame, table in VERBS_OF_STATE.items() for v in _verbs(table, True, *frame))
VERBS = ACTIONS + STATES
STATED = VERBS + STATES  # twice, for other patterns have only actions
COUNTS = tuple(Determiner(en, (es,) * 4) for en, es in _entries(NUMBERS))
LIKING, HURTING = (*_verbs(LIKE), *_verbs(HURT))
HAVE, WANT, NEED = (next(v for v in STATES if v.base == base) for base in ("have", "want", "need"))
PEOPLES_VERBS = tuple(v for v in VERBS if v.subjects >= PEOPLE)
PEOPLES_ACTIONS = tuple(v for v in ACTIONS if v.subjects >= PEOPLE)
# Without clitics: whether they come before two verbs or after them is a matter of taste.
INFINITIVES = tuple(v for v in PEOPLES_ACTIONS if v.base not in GIVING and not v.reflexive)
# Verbs that can be asked, or said in a relative clause, without their object.
ASKED = tuple(v for v in PEOPLES_VERBS if v.objects - PEOPLE and not v.preposition and v.base not in NEEDS_ITS_OBJECT)
GREETED = tuple(v for v in PEOPLES_VERBS if v.objects & PEOPLE and not v.preposition)
SOMEWHERE = tuple(v for v in ACTIONS if not v.preposition and v.base not in MEANS_WHERE_TO and v.objects <= PORTABLE)
MOODS = tuple(a for a in ADJECTIVES if a.copula == ESTAR and a.kinds & PEOPLE)
COMPARED = tuple(a for a in ADJECTIVES if a.comparative)


@functools.cache
def nouns(of_kinds: Kinds) -> tuple[Noun, ...]:
    """All nouns of some kinds, always in the same order."""
    return tuple(noun for noun in NOUNS if noun.kind in of_kinds)


@functools.cache
def adjectives(kind: str) -> tuple[Adjective, ...]:
    """What nouns of a kind can be."""
    return tuple(adjective for adjective in ADJECTIVES if kind in adjective.kinds)


def words(*parts: str) -> str:
    """The parts that are not empty, with spaces between."""
    return " ".join(part for part in parts if part)


def join(*texts: Text) -> Text:
    """Texts one after another, in both languages."""
    return Text(words(*(text.en for text in texts)), words(*(text.es for text in texts)))


def noun_phrase(
    noun: Noun,
    plural: bool,
    determiner: Determiner,
    adjective: Adjective | None = None,
    owner: Phrase | None = None,
) -> Phrase:
    """Determiner, noun and adjective in agreement; the king's lamp is la lámpara del rey."""
    form = 2 * plural + noun.feminine
    article = determiner.es[form]
    if noun.es[0] in STRESSED_A and not plural:
        article = {"la": "el", "una": "un"}.get(article, article)
    return Phrase(
        words(f"{owner.en}'s" if owner else determiner.en, adjective.en if adjective else "", noun.en[plural]),
        words(article, noun.es[plural], adjective.es[form] if adjective else "", f"de {owner.es}" if owner else ""),
        THEY if plural else THIRD,
        noun.feminine,
        noun.kind,
        (noun.en[0],),
    )


def both(one: Phrase, other: Phrase) -> Phrase:
    """Two phrases with "and"; masculine unless both are feminine."""
    return Phrase(
        f"{one.en} and {other.en}",
        f"{one.es} y {other.es}",
        THEY,
        one.feminine and other.feminine,
        one.kind,
        one.heads + other.heads,
    )


def english(
    subject: Phrase, tense: int, verb: Verb, rest: str, negative: bool = False, question: bool = False, adverb: str = ""
) -> str:
    """A clause, with the help of do, did and will."""
    base, third, past = verb.en
    auxiliary, main = "", base
    if tense == FUTURE:
        auxiliary = "will"
    elif negative or question:
        auxiliary = "did" if tense == PAST else "does" if subject.person == THIRD else "do"
    elif tense == PAST:
        main = past
    elif subject.person == THIRD:
        main = third
    start = (auxiliary, subject.en) if question else (subject.en, auxiliary)
    return words(*start, "not" if negative else "", adverb, main, rest)


def spanish(subject: str, verb: str, rest: str, question: bool = False) -> str:
    """A clause: in questions the verb comes first, with its clitic."""
    return words(verb, subject, rest) if question else words(subject, verb, rest)


def clause(
    subject: Phrase,
    tense: int,
    action: Action,
    *,
    negative: bool = False,
    question: bool = False,
    adverb: Text = NOTHING,
    tail: Text = NOTHING,
) -> Text:
    """Somebody does something."""
    verb = action.verb
    clitic = REFLEXIVES[subject.person] if verb.reflexive else action.clitic
    es = words("no" if negative else "", adverb.es, clitic, verb.es[tense][subject.person])
    return Text(
        english(subject, tense, verb, words(action.rest.en, tail.en), negative, question, adverb.en),
        spanish(subject.es, es, words(action.rest.es, tail.es), question),
    )


def being(
    subject: Phrase,
    tense: int,
    verb: Sequence[Sequence[str]],
    what: Text,
    *,
    negative: bool = False,
    question: bool = False,
    subject_last: bool = True,
) -> Text:
    """Somebody is something; `verb` are the Spanish forms. Where the subject comes in questions is up to the caller."""
    be = "will" if tense == FUTURE else BE[tense][subject.person]
    start = (be, subject.en) if question else (subject.en, be)
    en = words(*start, "not" if negative else "", "be" if tense == FUTURE else "", what.en)
    es = words("no" if negative else "", verb[tense][subject.person])
    if question and subject_last:
        return Text(en, words(es, what.es, subject.es))
    return Text(en, spanish(subject.es, es, what.es, question))


def finished(text: Text, question: bool = False) -> Text:
    """A sentence: contractions, capital letter and punctuation. Y becomes e before i."""
    en = re.sub(r"\ba (?=[aeioAEIO]|u(?!se))", "an ", text.en)
    es = re.sub(r"\b(a|de) el\b", lambda found: {"a": "al", "de": "del"}[found[1]], text.es)
    es = re.sub(r"\by (?=h?i)", "e ", es)
    en, es = en[0].upper() + en[1:], es[0].upper() + es[1:]
    return Text(f"{en}?", f"¿{es}?") if question else Text(f"{en}.", f"{es}.")


# The grammar ----------------------------------------------------------------------------------------------------------


class Grammar:
    """Draws sentences; the same seed, the same sentences."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._bonds: set[Bond] = set()
        patterns: tuple[tuple[Callable[[], Text], int], ...] = (
            (self.statement, 44),
            (self.question, 14),
            (self.who, 4),
            (self.whom, 3),
            (self.what, 5),
            (self.how_many, 3),
            (self.when_where_why, 7),
            (self.about_a_thing, 2),
            (self.description, 10),
            (self.comparison, 5),
            (self.location, 3),
            (self.existence, 3),
            (self.feeling, 3),
            (self.liking, 7),
            (self.hurting, 3),
            (self.ability, 6),
            (self.family, 1),
            (self.two_actions, 7),
            (self.two_clauses, 4),
            (self.reason, 6),
            (self.relative_subject, 4),
            (self.relative_object, 5),
        )
        self._patterns = [pattern for pattern, weight in patterns for _ in range(weight)]

    def sentence(self) -> Sentence:
        """The next sentence."""
        self._bonds.clear()
        text = self._pick(self._patterns)()
        return Sentence(text, frozenset(self._bonds))

    # Choices

    def _pick(self, options: Sequence[T]) -> T:
        # Of all of Random, only random() is promised to stay the same in every version of Python.
        return options[int(self._random.random() * len(options))]

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _polarity(self) -> tuple[bool, bool]:
        """Whether a sentence is negative, whether it is a question."""
        return self._pick(((False, False), (False, False), (True, False), (False, True)))

    def _bind(self, heads: Iterable[str], other: str) -> None:
        self._bonds.update(Bond(head, other) for head in heads)

    # Phrases

    def _determiner(self, noun: Noun, plural: bool, definite: bool) -> Determiner:
        if noun.kind == "name":
            return NO_DETERMINER
        if noun.kind == "kin":
            return self._pick(tuple(POSSESSIVES))
        if noun.kind == "sky":
            return THE
        options = [THE, THE, THE, THE, THIS[plural], THAT[plural]]
        if plural:
            options.append(ALL_THE)
        if noun.kind in POSSESSED:
            options += [self._pick(tuple(POSSESSIVES))] * 2
        if not definite:
            options += self._indefinite(noun, plural)
        return self._pick(options)

    def _indefinite(self, noun: Noun, plural: bool) -> list[Determiner]:
        if plural:
            return [self._pick(COUNTS), self._pick(COUNTS), MANY]
        return [A, A, A, ANOTHER] if noun.en[1] else []

    def _that_one(self, noun: Noun, plural: bool) -> Determiner:
        """What goes before a noun with a relative clause."""
        return self._pick((THE, THE, ALL_THE if plural else THE))

    def _phrase(
        self,
        of_kinds: Kinds,
        *,
        definite: bool = False,
        plurals: float = 0.4,
        described: float = 0.35,
        owned: float = 0.06,
        determiner: Callable[[Noun, bool], Determiner] | None = None,
    ) -> Phrase:
        noun = self._pick(nouns(of_kinds))
        plural = bool(noun.en[1]) and self._chance(plurals)
        chosen = determiner(noun, plural) if determiner else self._determiner(noun, plural, definite)
        owner = None
        if noun.kind in OWNED and self._chance(owned):
            chosen = THE
            owner = self._phrase(PEOPLE, definite=True, plurals=0, described=0)
        adjective = None
        if noun.kind != "name" and adjectives(noun.kind) and self._chance(described):
            adjective = self._pick(adjectives(noun.kind))
            self._bind([noun.en[0]], adjective.en)
        return noun_phrase(noun, plural, chosen, adjective, owner)

    def _subject(
        self, of_kinds: Kinds, *, pronouns: float = 0.7, definite: bool = True, described: float = 0.25
    ) -> Phrase:
        if "person" in of_kinds and self._chance(pronouns):
            return self._pick(PRONOUNS)
        phrase = self._phrase(of_kinds, definite=definite, described=described)
        if phrase.kind in PEOPLE and self._chance(0.05):
            other = self._phrase(PEOPLE, definite=True, described=0)
            if other.heads != phrase.heads:
                return both(phrase, other)
        return phrase

    def _place(self, places: Sequence[tuple[str, str, str]]) -> Text:
        en, es, of_kinds = self._pick(places)
        phrase = self._phrase(kinds(of_kinds), definite=True, plurals=0.15, described=0.2, owned=0.02)
        return Text(f"{en} {phrase.en}", f"{es} {phrase.es}")

    def _time(self, tense: int) -> Text:
        if tense != PRESENT and self._chance(0.25):
            number, (en, es) = self._pick(COUNTS), self._pick(_entries(PERIODS))
            en, es = f"{number.en} {en}", f"{number.es[0]} {es}"
            return Text(f"{en} ago", f"hace {es}") if tense == PAST else Text(f"in {en}", f"dentro de {es}")
        return Text(*self._pick(tuple(TIMES[tense].items())))

    def _tense(self, verb: Verb, subject: Phrase, plain: bool, among: Sequence[int] = (PRESENT, PAST, FUTURE)) -> int:
        """One of these tenses; but "they read" says neither present nor past, so there it is always the future."""
        return FUTURE if plain and not verb.says_tense(subject.person) else self._pick(among)

    def _action(self, verb: Verb, subject: Phrase, *, clitics: bool = True, places: bool = True) -> Action:
        """The verb with what it needs, and what it may have, after it."""
        self._bind(subject.heads, verb.base)
        person = self._pick(
            {FIRST: (SECOND,), SECOND: (FIRST, WE), WE: (SECOND,)}.get(subject.person, (FIRST, SECOND, WE))
        )
        pronoun = OBJECT_PRONOUNS[person]
        if verb.base in GIVING:
            thing = self._object(verb)
            return Action(verb, CLITICS[person], Text(f"{pronoun} {thing.en}", thing.es))
        if clitics and verb.objects & PEOPLE and self._chance(0.25):
            return Action(verb, CLITICS[person], Text(words(verb.particle, pronoun), ""))
        rest = Text(verb.particle, verb.preposition)
        if verb.objects:
            thing = self._object(verb)
            rest = join(rest, Text(thing.en, f"a {thing.es}" if thing.kind in PEOPLE else thing.es))
            if verb.base == "place":
                rest = join(rest, self._place(WHERE_THINGS_ARE))
            elif places and not verb.state and thing.kind in PORTABLE and self._chance(0.12):
                rest = join(rest, self._place(WHERE_PEOPLE_ARE))
        elif places and "sky" not in verb.subjects and self._chance(0.6):
            rest = join(rest, self._place(WHERE_PEOPLE_ARE))
        return Action(verb, rest=rest)

    def _object(self, verb: Verb) -> Phrase:
        """A thing, or somebody in particular: then Spanish has its personal a."""

        def determiner(noun: Noun, plural: bool) -> Determiner:
            if noun.kind in PORTABLE - PEOPLE and (plural or not noun.en[1]) and self._chance(0.3):
                return NO_DETERMINER
            return self._determiner(noun, plural, noun.kind in PEOPLE or bool(verb.preposition))

        phrase = self._phrase(verb.objects, determiner=determiner)
        self._bind(phrase.heads, verb.base)
        return phrase

    def _doing(self, verbs: Sequence[Verb], *, pronouns: float = 0.7, definite: bool = False) -> tuple[Phrase, Action]:
        """Somebody, and what they do."""
        verb = self._pick(verbs)
        subject = self._subject(verb.subjects, pronouns=pronouns, definite=definite)
        return subject, self._action(verb, subject)

    def _infinitive(self, action: Action) -> Text:
        return Text(words(action.verb.base, action.rest.en), words(action.verb.infinitive, action.rest.es))

    def _predicate(self, subject: Phrase, among: Sequence[Adjective]) -> tuple[Adjective, Text]:
        """An adjective that fits the subject, perhaps with "very"."""
        fitting = [a for a in among if subject.kind in a.kinds and (subject.gendered or not a.changes_with_gender)]
        adjective = self._pick(fitting)
        self._bind(subject.heads, adjective.en)
        text = Text(adjective.en, adjective.es[subject.form])
        return adjective, join(VERY, text) if adjective.comparative and self._chance(0.2) else text

    def _described(self, subject: Phrase, tense: int, *, negative: bool = False) -> Text:
        """The subject is such, or was, if this is about the past."""
        tense = self._pick((PRESENT, PAST)) if tense == PAST else PRESENT
        adjective, text = self._predicate(subject, ADJECTIVES)
        return being(subject, tense, adjective.copula, text, negative=negative)

    # Patterns: statements and yes/no questions

    def statement(self) -> Text:
        """The queen does not sell her boat in the harbour; last week a wolf crossed the bridge."""
        negative = self._chance(0.22)
        subject, action = self._doing(STATED, definite=negative)
        tense = self._tense(action.verb, subject, not negative)
        if not negative and self._chance(0.12):
            adverbs = (ALSO, NEVER) if tense == PAST else (ALSO, NEVER, ALWAYS)
            adverb = ALSO if action.verb.state else self._pick(adverbs)
            return finished(clause(subject, tense, action, adverb=adverb))
        text = clause(subject, tense, action, negative=negative)
        if not action.verb.state and self._chance(0.35):
            time = self._time(tense)
            text = join(time, text) if self._chance(0.5) else join(text, time)
        return finished(text)

    def question(self) -> Text:
        """Did you open the door?"""
        subject, action = self._doing(STATED, definite=True)
        tense = self._tense(action.verb, subject, False)
        tail = self._time(tense) if not action.verb.state and self._chance(0.25) else NOTHING
        return finished(clause(subject, tense, action, question=True, tail=tail), True)

    def description(self) -> Text:
        """The mills were very old."""
        adjective = self._pick(ADJECTIVES)
        subject = self._subject(adjective.kinds, described=0)
        fits = subject.gendered or not adjective.changes_with_gender
        adjective, text = self._predicate(subject, (adjective,) if fits else ADJECTIVES)
        tense = self._pick((PRESENT, PRESENT, PAST, FUTURE))
        negative, question = self._polarity()
        return finished(being(subject, tense, adjective.copula, text, negative=negative, question=question), question)

    def comparison(self) -> Text:
        """The castle is older than the mill; the fox is as brave as the wolf."""
        adjective = self._pick(COMPARED)
        of_kinds = adjective.kinds - (PEOPLE if adjective.en in ("old", "young") else frozenset())
        kind = self._pick(sorted(of_kinds))
        one = self._phrase(frozenset({kind}), definite=True, plurals=0.3, described=0)
        other = self._phrase(frozenset({kind}), definite=True, plurals=0.3, described=0)
        if one.heads == other.heads:
            return self.comparison()
        self._bind(one.heads + other.heads, adjective.en)
        form = adjective.es[one.form]
        if self._chance(0.7):
            what = Text(f"{adjective.comparative} than {other.en}", f"más {form} que {other.es}")
        else:
            what = Text(f"as {adjective.en} as {other.en}", f"tan {form} como {other.es}")
        tense, negative = self._pick((PRESENT, PRESENT, PAST, FUTURE)), self._chance(0.2)
        return finished(being(one, tense, adjective.copula, what, negative=negative))

    def location(self) -> Text:
        """The key is under the table."""
        of_kinds, places = self._pick(LOCATED)
        subject, place = self._subject(kinds(of_kinds), pronouns=0.3), self._place(places)
        tense = self._pick((PRESENT, PAST, FUTURE))
        negative, question = self._polarity()
        text = being(subject, tense, ESTAR, place, negative=negative, question=question, subject_last=False)
        return finished(text, question)

    def existence(self) -> Text:
        """There are seven geese in the field."""

        def determiner(noun: Noun, plural: bool) -> Determiner:
            return self._pick(
                [*self._indefinite(noun, plural), FEW if plural else A] if noun.en[1] else [NO_DETERMINER]
            )

        of_kinds, places = self._pick(PRESENT_THERE)
        phrase, place = self._phrase(kinds(of_kinds), determiner=determiner, owned=0), self._place(places)
        tense, question = self._pick((PRESENT, PRESENT, PAST, FUTURE)), self._chance(0.25)
        there = Phrase("there", "", phrase.person, False, "")
        text = being(there, tense, THERE_IS, join(Text(phrase.en, phrase.es), place), question=question)
        return finished(text, question)

    def feeling(self) -> Text:
        """The ferryman is very thirsty."""
        subject = self._subject(kinds("people animal"))
        en, es = self._pick(tuple(FEELINGS.items()))
        what = Text(f"very {en}", es) if self._chance(0.3) else Text(en, es.split()[1])
        tense = self._pick((PRESENT, PRESENT, PAST, FUTURE))
        negative, question = self._polarity()
        return finished(being(subject, tense, HAVE.es, what, negative=negative, question=question), question)

    def liking(self) -> Text:
        """My aunt likes the red houses; I like to sing. In Spanish, what is liked is the subject."""
        who = self._subject(PEOPLE)
        self._bind(who.heads, LIKING.base)
        tense, person = PRESENT, THIRD
        if self._chance(0.3):
            infinitive = self._infinitive(self._action(self._pick(INFINITIVES), who, clitics=False))
            what = Text(f"to {infinitive.en}", infinitive.es)
        else:
            in_general = self._chance(0.4)
            phrase = self._phrase(
                LIKED,
                owned=0 if in_general else 0.06,
                determiner=lambda noun, plural: (
                    IN_GENERAL if in_general and (plural or not noun.en[1]) else self._determiner(noun, plural, True)
                ),
            )
            self._bind(phrase.heads, LIKING.base)
            what, person = Text(phrase.en, phrase.es), phrase.person
            tense = PRESENT if in_general else self._pick((PRESENT, PAST, FUTURE))
        negative, question = self._polarity()
        es = words(
            f"a {who.es}" if who.es else "",
            "no" if negative else "",
            CLITICS[who.person],
            LIKING.es[tense][person],
            what.es,
        )
        return finished(Text(english(who, tense, LIKING, what.en, negative, question), es), question)

    def hurting(self) -> Text:
        """My feet hurt; the king's head hurts."""
        noun = self._pick(nouns(kinds("body")))
        plural = bool(noun.en[1]) and self._chance(0.7)
        part = noun_phrase(noun, plural, THE)
        if self._chance(0.4):
            owner = self._phrase(PEOPLE, definite=True, plurals=0, described=0)
            subject = noun_phrase(noun, plural, THE, owner=owner)
            dative, person = f"a {owner.es}", THIRD
        else:
            # Several people's heads are one head in Spanish, so they are left out.
            whose = [d for d, person in POSSESSIVES.items() if plural or person < WE]
            determiner = self._pick(whose)
            subject, dative, person = noun_phrase(noun, plural, determiner), "", POSSESSIVES[determiner]
        self._bind(part.heads, HURTING.base)
        negative, question = self._polarity()
        tense = self._tense(HURTING, subject, not negative and not question)
        es = words(dative, "no" if negative else "", CLITICS[person], HURTING.es[tense][subject.person], part.es)
        return finished(Text(english(subject, tense, HURTING, "", negative, question), es), question)

    def ability(self) -> Text:
        """You must not open the box; does he want to work in the mill?"""
        verb, modal = self._pick(INFINITIVES), self._pick(("can", "must", "want", "need"))
        if modal == "can" and verb.base in SKILLS | SENSES:
            modal = "must"
        subject = self._subject(verb.subjects)
        infinitive = self._infinitive(self._action(verb, subject, clitics=False))
        negative, question = self._polarity()
        if modal in ("want", "need"):
            rest = Text(f"to {infinitive.en}", infinitive.es)
            action = Action(WANT if modal == "want" else NEED, rest=rest)
            self._bind(subject.heads, modal)
            tense = self._pick((PRESENT, PRESENT, PAST))
            return finished(clause(subject, tense, action, negative=negative, question=question), question)
        auxiliary = {"can": "cannot", "must": "must not"}[modal] if negative else modal
        start = (auxiliary, subject.en) if question else (subject.en, auxiliary)
        es = words("no" if negative else "", (CAN if modal == "can" else MUST)[subject.person])
        text = Text(words(*start, infinitive.en), spanish(subject.es, es, infinitive.es, question))
        return finished(text, question)

    def family(self) -> Text:
        """My uncle has three daughters."""
        noun = self._pick([noun for noun in nouns(kinds("kin")) if noun.en[1]])
        relatives = noun_phrase(noun, True, self._pick(COUNTS[:7]))
        subject = self._subject(PEOPLE)
        if noun.en[0] in subject.heads:
            return self.family()
        self._bind((*subject.heads, noun.en[0]), HAVE.base)
        negative, question = self._polarity()
        action = Action(HAVE, rest=Text(relatives.en, relatives.es))
        tense = self._pick((PRESENT, PRESENT, PAST))
        return finished(clause(subject, tense, action, negative=negative, question=question), question)

    # Patterns: questions with a question word

    def who(self) -> Text:
        """Who opened the door?"""
        action = self._action(self._pick(PEOPLES_VERBS), WHO)
        tense = self._tense(action.verb, WHO, True)
        tail = self._time(tense) if not action.verb.state and self._chance(0.25) else NOTHING
        return finished(clause(WHO, tense, action, tail=tail), True)

    def whom(self) -> Text:
        """Who does the queen greet?"""
        return self._asked("who", "a quién", self._pick(GREETED))

    def what(self) -> Text:
        """What did you buy last week?"""
        return self._asked("what", "qué", self._pick(ASKED))

    def how_many(self) -> Text:
        """How many eggs did they eat?"""
        verb = self._pick([verb for verb in ASKED if verb.objects != kinds("drink")])
        many = Determiner("how many", ("", "", "cuántos", "cuántas"))
        noun = self._pick([noun for noun in nouns(verb.objects - PEOPLE) if noun.en[1]])
        self._bind([noun.en[0]], verb.base)
        phrase = noun_phrase(noun, True, many)
        return self._asked(phrase.en, phrase.es, verb)

    def _asked(self, en: str, es: str, verb: Verb) -> Text:
        """A question for the object."""
        subject = self._subject(verb.subjects)
        self._bind(subject.heads, verb.base)
        tense = self._tense(verb, subject, False)
        tail = self._time(tense) if not verb.state and self._chance(0.3) else NOTHING
        text = clause(subject, tense, Action(verb, rest=Text(verb.particle, "")), question=True, tail=tail)
        return finished(join(Text(en, es), text), True)

    def when_where_why(self) -> Text:
        """When will the train arrive at the station?"""
        word = self._pick((Text("when", "cuándo"), Text("where", "dónde"), Text("why", "por qué")))
        verb = self._pick(SOMEWHERE if word.en == "where" else ACTIONS)
        subject = self._subject(verb.subjects)
        action = self._action(verb, subject, places=word.en != "where")
        text = clause(subject, self._tense(verb, subject, False), action, question=True)
        return finished(join(word, text), True)

    def about_a_thing(self) -> Text:
        """Whose are these shoes? What colour is the door? Where is my hat?"""

        def determiner(noun: Noun, plural: bool) -> Determiner:
            return self._pick((THE, THE, THIS[plural], THAT[plural]))

        tense = self._pick((PRESENT, PRESENT, PAST))
        word = self._pick((Text("whose", "de quién"), Text("what colour", "de qué color"), Text("where", "dónde")))
        if word.en == "where":
            phrase = self._phrase(OWNED | PEOPLE, definite=True)
        else:
            phrase = self._phrase(OWNED - kinds("text"), determiner=determiner, owned=0)
        text = being(phrase, tense, ESTAR if word.en == "where" else SER, NOTHING, question=True)
        return finished(join(word, text), True)

    # Patterns: more than one clause

    def two_actions(self) -> Text:
        """The king opens the door and greets the queen."""
        first = self._pick(PEOPLES_ACTIONS)
        subject = self._subject(PEOPLE, definite=False)
        second = self._pick([verb for verb in PEOPLES_ACTIONS if verb.says_tense(subject.person)])
        tense = self._tense(first, subject, True)
        one, other = self._action(first, subject), self._action(second, subject)
        text = clause(replace(subject, en="", es=""), tense, other)
        return finished(join(clause(subject, tense, one), Text("and", "y"), text))

    def two_clauses(self) -> Text:
        """The boy sings, but the girl sleeps."""
        one, action = self._doing(ACTIONS, pronouns=0)
        other, reaction = self._doing(ACTIONS, pronouns=0)
        if one.heads == other.heads:
            return self.two_clauses()
        tense = self._tense(action.verb, one, True)
        if tense != FUTURE and not reaction.verb.says_tense(other.person):
            return self.two_clauses()
        first, second = clause(one, tense, action), clause(other, tense, reaction)
        if self._chance(0.5):
            return finished(join(first, Text("and", "y"), second))
        return finished(Text(f"{first.en}, but {second.en}", f"{first.es}, pero {second.es}"))

    def reason(self) -> Text:
        """The girls cried because they were tired."""
        verb = self._pick(PEOPLES_ACTIONS)
        subject = self._subject(verb.subjects & kinds("people animal"), definite=False)
        action = self._action(verb, subject)
        tense = self._tense(verb, subject, True)
        pronoun = subject
        if subject.heads:
            en = "it" if subject.kind == "animal" else "she" if subject.feminine else "he"
            pronoun = replace(subject, en="they" if subject.person == THEY else en, es="")
        then = PAST if tense == PAST else PRESENT
        if self._chance(0.5):
            en, es = self._pick(tuple(FEELINGS.items()))
            because = being(pronoun, then, HAVE.es, Text(en, es.split()[1]))
        else:
            _, text = self._predicate(pronoun, MOODS)
            because = being(pronoun, then, ESTAR, text)
        return finished(join(clause(subject, tense, action), Text("because", "porque"), because))

    def relative_subject(self) -> Text:
        """The woman who sells the bread is tired."""
        verb = self._pick(PEOPLES_VERBS)
        person = self._phrase(kinds("person"), described=0, determiner=self._that_one)
        who = replace(person, en="who", es="que")
        action = self._action(verb, who)
        tense = self._tense(verb, who, True, (PRESENT, PAST))
        relative = clause(who, tense, action)
        whole = replace(person, en=f"{person.en} {relative.en}", es=f"{person.es} {relative.es}")
        return finished(self._described(whole, tense, negative=self._chance(0.2)))

    def relative_object(self) -> Text:
        """The letter that we wrote is long; where is the lamp that you bought?"""
        verb, subject = self._pick(ASKED), self._pick(PRONOUNS)
        thing = self._phrase(verb.objects - PEOPLE - kinds("sky"), described=0, owned=0, determiner=self._that_one)
        self._bind(thing.heads, verb.base)
        tense = self._tense(verb, subject, True, (PRESENT, PAST))
        relative = clause(subject, tense, Action(verb, rest=Text(verb.particle, "")))
        whole = replace(thing, en=f"{thing.en} that {relative.en}", es=f"{thing.es} que {relative.es}")
        if thing.kind in OWNED and self._chance(0.25):
            return finished(join(Text("where", "dónde"), being(whole, PRESENT, ESTAR, NOTHING, question=True)), True)
        return finished(self._described(whole, tense, negative=self._chance(0.2)))


# The corpus -----------------------------------------------------------------------------------------------------------


def _lemmas() -> dict[str, tuple[str, str]]:
    entries = [(form, (noun.en[0], "noun")) for noun in NOUNS for form in noun.en]
    entries += [(a.comparative.split()[-1], (a.en, "other")) for a in ADJECTIVES if a.comparative]
    entries += [(a.en, (a.en, "other")) for a in ADJECTIVES]
    entries += [(form, (verb.base, "other")) for verb in (*VERBS, LIKING, HURTING) for form in verb.en]
    found: dict[str, tuple[str, str]] = {}
    for form, lemma in entries:
        if form and found.setdefault(form.casefold(), lemma) != lemma:
            raise ValueError(f"{form!r} is a form of {found[form.casefold()]} and of {lemma}")
    return found


# The English nouns, adjectives and verbs: the lower-case form, what a dictionary has it under, "noun" or "other".
LEMMAS = _lemmas()


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; king's is a word."""
    return re.findall(r"[^\W\d_]+(?:'s)?", text.casefold())


def content(sentence: str) -> tuple[list[str], list[str]]:
    """The nouns of an English sentence; its adjectives and verbs."""
    lemmas = [LEMMAS[word] for token in tokens(sentence) if (word := token.removesuffix("'s")) in LEMMAS]
    return [lemma for lemma, part in lemmas if part == "noun"], [lemma for lemma, part in lemmas if part == "other"]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def withheld(bond: Bond) -> bool:
    """Whether no sentence for training has both words."""
    return _hash(" ".join(bond)) % WITHHELD_ONE_IN == 0


def corpus() -> tuple[list[Text], list[Text]]:
    """Pairs for training, and held-out pairs; both in the order of a hash."""
    grammar = Grammar(1)
    training: dict[str, str] = {}
    reserve: dict[str, tuple[str, list[Bond]]] = {}
    counts: Counter[str] = Counter()
    while len(training) < TRAINING:
        (en, es), bonds = grammar.sentence()
        found, (nouns_found, others) = tokens(en) + tokens(es), content(en)
        repetitive = len(set(nouns_found + others)) < len(nouns_found + others)
        common = min(counts[word] for word in found) > RARE * len(training)
        if repetitive or common or not 4 <= len(en.split()) <= 16:
            continue
        kept_apart = {bond for noun in nouns_found for other in others if withheld(bond := Bond(noun, other))}
        if kept_apart:
            if kept_apart <= bonds:
                reserve[en] = es, sorted(kept_apart)
        elif en not in training:
            training[en] = es
            counts.update(set(found))
        elif training[en] != es:
            raise ValueError(f"two translations of {en!r}: {es!r} and {training[en]!r}")
    chosen: list[Text] = []
    used: Counter[Bond] = Counter()
    for en in sorted(reserve, key=_hash):
        es, bonds_apart = reserve[en]
        frequent = all(counts[word] >= OFTEN for word in tokens(en) + tokens(es))
        if frequent and all(used[bond] < SAME_PAIR for bond in bonds_apart) and len(chosen) < HELDOUT:
            used.update(bonds_apart)
            chosen.append(Text(en, es))
    return [Text(en, training[en]) for en in sorted(training, key=_hash)], chosen


def tsv(sentences: Iterable[Text]) -> bytes:
    """One pair per line, a tab between."""
    return "".join(f"{en}\t{es}\n" for en, es in sentences).encode()


def main() -> None:
    """Writes both files beside this one."""
    folder = Path(__file__).parent
    training, heldout = corpus()
    (folder / "grammar.tsv").write_bytes(tsv(training))
    (folder / "grammar-heldout.tsv").write_bytes(tsv(heldout))


if __name__ == "__main__":
    main()
