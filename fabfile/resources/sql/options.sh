# explain_options: print where the server's option files and command line set the variables $variables.
# The awk programs: $option_files reads the files, $options selects.
explain_options() {
    files=$(my_print_defaults --help | sed -n '/^Default options are read/{n;p;q;}')
    files=$(printf '%s\n' "${files:-/etc/mysql/my.cnf /etc/my.cnf}" | tr ' ' '\n' | grep '^/')
    command_line=
    for pid in $(pidof mariadbd mysqld); do
        command_line=$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep '^--')
        break
    done
    case $command_line in
    *--defaults-file=*) files=$(printf '%s\n' "$command_line" | sed -n 's/^--defaults-file=//p') ;;
    *--defaults-extra-file=*)
        files="$files
$(printf '%s\n' "$command_line" | sed -n 's/^--defaults-extra-file=//p')"
        ;;
    esac
    IFS='
'
    # shellcheck disable=SC2086  # one file a line
    {
        awk -- "$option_files" $files
        printf '%s\n' "$command_line" | sed "s/^--/the server's command line$tab/"
    } | names=$variables awk -- "$options"
    unset IFS
}
