# Completion of rnntext in fish: rnntext itself says what may come next.
function __rnntext_complete
    set -l program (commandline -opc)[1]
    set -l answer (env _RNNTEXT_COMPLETE=(commandline -cp | string collect) $program 2> /dev/null)
    set -l flag (string match -r -- '^--[^=]*=' (commandline -ct))
    switch "$answer[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct) ''
    end
    for word in $answer[2..-1]
        echo "$flag$word"
    end
end
complete --command rnntext --no-files --arguments '(__rnntext_complete)'
