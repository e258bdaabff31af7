#compdef rnntext
# Completion of rnntext in zsh: rnntext itself says what may come next.
_rnntext() {
    local kind word about program=${~words[1]} line="${(j: :)words[1,CURRENT-1]} $PREFIX" added=1
    local -a described
    [[ $PREFIX == --*=* ]] && compset -P '*='
    {
        IFS= read -r kind
        while IFS=$'\t' read -r word about; do
            described+=("${word//:/\\:}${about:+:$about}")
        done
    } < <(_RNNTEXT_COMPLETE=$line $program 2> /dev/null)
    _describe -t words word described && added=0
    case $kind in
        files) _files && added=0 ;;
        folders) _files -/ && added=0 ;;
    esac
    return added
}
# As a file of $fpath it is called, by eval it is only defined.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _rnntext "$@"
else
    compdef _rnntext rnntext
fi
