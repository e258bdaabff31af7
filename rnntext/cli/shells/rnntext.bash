# Completion of rnntext in bash: rnntext itself says what may come next.
_rnntext() {
    local kind word about current=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
    [[ $current != = ]] || current=
    COMPREPLY=()
    {
        read -r kind
        while IFS=$'\t' read -r word about; do
            COMPREPLY+=("$word")
        done
    } < <(_RNNTEXT_COMPLETE=${COMP_LINE:0:COMP_POINT} "${COMP_WORDS[0]/#\~/$HOME}" 2> /dev/null)
    case $kind in
        folders) compopt -o filenames -o plusdirs ;;
        plain) compopt +o default ;;
        files) # Without a word, bash completes files by itself, in quotation marks and after a tilde, too.
            if ((${#COMPREPLY[@]})); then
                compopt -o filenames
                while read -r word; do
                    COMPREPLY+=("$word")
                done < <(compgen -f -- "$current")
            fi
            ;;
    esac
}
complete -o default -F _rnntext rnntext
