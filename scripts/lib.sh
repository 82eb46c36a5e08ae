# shellcheck shell=bash
# Shared by the scripts beside it; sourced, never run.
#
# A kernel is a folder in the cache with these entries:
#   vmlinuz  what the virtual machine boots, unless there is
#   vmlinux  the same without compression, which starts sooner
#   build    what modules are built against (KDIR)
#   config   its configuration
# kernel_dir finds it by the name given to --kernel; scripts/setup makes it.

set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(dirname "$scripts")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/refheap
work=$repo/.build
# shellcheck disable=SC2034 # used by those who source this
jobs=$(nproc)

say() { printf '%s\n' "$*" >&2; }
warn() { say "${0##*/}: $*"; }
die() { warn "$*"; exit 1; }

# The comment at the head of the running script.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# Elapsed time of one step, for people who watch.
step() {
	local what=$1 start=$SECONDS
	shift
	say "  $what ..."
	"$@" || die "$what: failed"
	say "  $what: $((SECONDS - start)) s"
}

# Run quietly; show the end of the output only when it fails.
quietly() {
	local log rc=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	[[ $rc -eq 0 ]] || tail -n 40 "$log" >&2
	rm -f "$log"
	return "$rc"
}

# Run a command while holding a named lock in the cache: two checkouts share
# it, and so may two terminals.
locked() {
	local name=$1 fd
	shift
	mkdir -p "$cache/locks"
	exec {fd}>"$cache/locks/$name"
	flock -n "$fd" || { say "  waiting for another run ($name)"; flock "$fd"; }
	# The lock must not leak into daemons that a command may leave behind.
	( "$@" ) {fd}>&- || { local rc=$?; exec {fd}>&-; return "$rc"; }
	exec {fd}>&-
}

# --- kernels ---------------------------------------------------------------

debug_kernels=(kasan kasan-reuse kcsan rt-debug)

is_debug_kernel() {
	local k
	for k in "${debug_kernels[@]}"; do
		[[ $k != "$1" ]] || return 0
	done
	return 1
}

# The unpacked linux-source package; made by "setup source".
source_dir() { printf '%s\n' "$cache/source"; }

# What decides whether a built debug kernel can be used again.
debug_kernel_key() {
	local src
	src=$(readlink -f "$(source_dir)") || return 1
	{
		basename "$src"
		gcc --version | sed -n 1p
		cat "$scripts/kernel/base.config" "$scripts/kernel/$1.config"
	} | sha256sum | cut -c1-16
}

# Print the folder of a kernel, given by name or by path; fail if it is not
# there yet.
kernel_dir() {
	local dir
	case $1 in
	stock | 6.1 | rt) dir=$cache/kernels/$1 ;;
	*/*) kernel_from_path "$1"; return ;;
	*)
		is_debug_kernel "$1" ||
			die "no kernel '$1': stock, 6.1, rt, ${debug_kernels[*]}, or a path"
		dir=$cache/kernels/$1-$(debug_kernel_key "$1" 2>/dev/null) ;;
	esac
	[[ -e $dir/vmlinuz && -e $dir/build/Makefile ]] || return 1
	readlink -f "$dir"
}

# A path may name a folder like those in the cache, or a kernel build tree.
kernel_from_path() {
	local path
	path=$(readlink -f "$1")
	if [[ -e $path/vmlinuz && -e $path/build/Makefile ]]; then
		printf '%s\n' "$path"
	elif [[ -e $path/arch/x86/boot/bzImage && -e $path/.config ]]; then
		local view
		view=$work/paths/$(kernel_id "$1")
		mkdir -p "$view"
		ln -sfn "$path" "$view/build"
		ln -sfn "$path/arch/x86/boot/bzImage" "$view/vmlinuz"
		ln -sfn "$path/.config" "$view/config"
		printf '%s\n' "$view"
	else
		die "$1: neither a kernel build tree (arch/x86/boot/bzImage) nor a folder with vmlinuz, build and config"
	fi
}

# A short name for .build/, unique for each kernel.
kernel_id() {
	case $1 in
	*/*) printf '%s-%s\n' "$(basename "$1")" \
		"$(readlink -f "$1" | sha256sum | cut -c1-8)" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# The folder of a kernel, provisioned first when it is missing.
need_kernel() {
	(kernel_dir "$1") 2>/dev/null || {
		[[ $1 != */* ]] || kernel_dir "$1"	# says what is wrong
		"$scripts/setup" "$1" >&2
		kernel_dir "$1" || die "no $1 kernel after scripts/setup $1"
	}
}

kernel_has() { grep -qx "CONFIG_$2=[ym]" "$1/config"; }

# --- user-mode Linux -------------------------------------------------------

# A copy of the kernel's source, made of links, with refheap in lib/.
graft() {
	local source tree
	source=$(readlink -f "$(source_dir)")
	tree=$(graft_dir)
	[[ -d $tree ]] || step "grafting refheap into $(basename "$source")" \
		make_graft "$source" "$tree"
	# By content: an unchanged file keeps its time and is not compiled again.
	rsync -rlc --delete --exclude=/.git --exclude=/.build --exclude=/scripts \
		--filter=':- .gitignore' "$repo/" "$tree/lib/refheap/"
}

graft_dir() { printf '%s\n' "$cache/uml/$(basename "$(readlink -f "$(source_dir)")")"; }

make_graft() {
	local source=$1 tree=$2 file
	rm -rf "$tree.unfinished"
	mkdir -p "$(dirname "$tree")"
	cp -al "$source" "$tree.unfinished"
	for file in Kconfig Makefile; do
		cp --remove-destination "$source/lib/$file" "$tree.unfinished/lib/"
	done
	printf '%s\n' 'source "lib/refheap/module/Kconfig"' \
		'source "lib/refheap/kunit/Kconfig"' >>"$tree.unfinished/lib/Kconfig"
	echo 'obj-y += refheap/' >>"$tree.unfinished/lib/Makefile"
	mv -T "$tree.unfinished" "$tree"
}
