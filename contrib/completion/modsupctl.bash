# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of modsupctl(1) for bash. Verbs, options and their words are read from the program's
# own --help, so that they are those of the installed one; names of modules come from the supervisor
# that the command line names, and it says nothing and waits for nobody when there is none. Needs no
# other completion package.

# The help of a verb, or of the program.
_modsupctl_help()
{
	"$_modsupctl_program" "$@" --help 2>/dev/null
}

_modsupctl_verbs()
{
	_modsupctl_help | sed -n '/^verbs:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'
}

_modsupctl_options()
{
	_modsupctl_help ${1:+"$1"} | sed -n \
		-e 's/^  \(-[A-Za-z]\), \(--[a-z-]*\).*/\1 \2/p' \
		-e 's/^      \(--[a-z-]*\).*/\1/p'
}

# What stands behind option $2 in the help of verb $1: "DIR", "ready|spawned|no", or nothing.
_modsupctl_value()
{
	_modsupctl_help ${1:+"$1"} | awk -v want="$2" '
		/^  -[A-Za-z], --/ { if ($1 == want "," || $2 == want) { print $3; exit } }
		/^      --/ { if ($1 == want) { print $2; exit } }' |
		grep -E '^([A-Z]+(=[A-Z]+)?|[a-z]+(\|[a-z]+)+)$'
}

_modsupctl_names()
{
	timeout 2 "$_modsupctl_program" "${_modsupctl_where[@]}" list --names 2>/dev/null
}

# Words for the value of an option, by what the help calls it.
_modsupctl_complete_value()
{
	case $1 in
	*'|'*) compgen -W "${1//|/ }" -- "$2" ;;
	DIR) compgen -d -- "$2" ;;
	PATH | FILE) compgen -f -- "$2" ;;
	SIGNAL) compgen -W 'ABRT CONT HUP INT KILL QUIT STOP TERM USR1 USR2 WINCH' -- "$2" ;;
	TIME) compgen -W '1s 10s 30s 1m 5m' -- "$2" ;;
	esac
}

_modsupctl_complete_operand()
{
	case $1 in
	start)
		case $2 in
		*/* | .*) ;;
		*) compgen -W "$(_modsupctl_names)" -- "$2" ;;
		esac
		compgen -d -S / -- "$2"
		;;
	run | validate | explain) compgen -d -- "$2" ;;
	emergency) compgen -W 'stop status lift' -- "$2" ;;
	doctor | events | list | version | capacity) ;;
	*) compgen -W "$(_modsupctl_names)" -- "$2" ;;
	esac
}

_modsupctl()
{
	local line=${COMP_LINE:0:COMP_POINT} cur verb='' word option='' value='' i cut=''
	local -a words _modsupctl_where=()
	local _modsupctl_program

	COMPREPLY=()
	cur=${line##*[[:space:]]}
	read -ra words <<<"${line%"$cur"}"
	_modsupctl_program=${words[0]/#\~/$HOME}
	for ((i = 1; i < ${#words[@]}; i++)); do
		word=${words[i]}
		if [[ $verb && $word == -- ]]; then
			[[ $verb == run || $verb == exec ]] || return
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
		fi
		if [[ $option ]]; then
			[[ $option == --private || $option == --socket ]] &&
				_modsupctl_where+=("$option" "${word/#\~/$HOME}")
			option=''
		elif [[ $word == --private=* || $word == --socket=* ]]; then
			_modsupctl_where+=("${word%%=*}" "${word#*=}")
		elif [[ $word == -* && $word != *=* ]]; then
			value=$(_modsupctl_value "$verb" "$word")
			[[ $value || $word == --private || $word == --socket ]] && option=$word
		elif [[ ! $verb ]]; then
			verb=$word
		fi
	done
	# bash cuts words at characters such as '@' and '=', and puts the answer behind the last one
	if [[ $cur == *[@=]* ]]; then
		word=${cur##*[@=]}
		[[ $COMP_WORDBREAKS == *"${cur:${#cur} - ${#word} - 1:1}"* ]] && cut=${cur%"$word"}
	fi
	if [[ $option ]]; then
		[[ $option == --private ]] && value=DIR
		[[ $option == --socket ]] && value=PATH
		mapfile -t COMPREPLY < <(_modsupctl_complete_value "$value" "$cur")
	elif [[ $cur == --*=* ]]; then
		value=$(_modsupctl_value "$verb" "${cur%%=*}")
		[[ ${cur%%=*} == --private ]] && value=DIR
		[[ ${cur%%=*} == --socket ]] && value=PATH
		mapfile -t COMPREPLY < <(_modsupctl_complete_value "$value" "${cur#*=}")
		cut=''
		[[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/${cur%%=*}=}")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_modsupctl_options "$verb")
			--private --socket --json --no-color --help" -- "$cur" | sort -u)
	elif [[ ! $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_modsupctl_verbs)" -- "$cur")
	else
		mapfile -t COMPREPLY < <(_modsupctl_complete_operand "$verb" "$cur")
	fi
	[[ $cut ]] && COMPREPLY=("${COMPREPLY[@]#"$cut"}")
	# a folder goes on: its next part is asked for, not the next word
	if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then
		compopt -o nospace 2>/dev/null
	fi
	return 0
}

complete -F _modsupctl modsupctl
