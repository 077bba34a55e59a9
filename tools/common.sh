# Sourced by every script here: where tools live, which versions, how messages look.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${TRACELLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tracellm-build}
mkdir -p "$cache"

# The version of a locked crate: the command line tool must be exactly the library's.
locked() { awk -v name="\"$1\"" '$1 == "name" && $3 == name { getline; gsub(/"/, "", $3); print $3; exit }' "$root/Cargo.lock"; }

SECANTUS_VERSION=0.5.3-beta.196
# Of the helpers that Cargo.lock has, which leave the marks that it looks for.
WASM_SPLIT_VERSION=0.2.4

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# apt PACKAGE…: installs Debian packages, or says what to install.
apt() {
    has apt-get || die "install $* with your package manager, then run this again"
    local sudo=()
    if [ "$(id -u)" != 0 ]; then has sudo || die "install as root: apt-get install $*"; sudo=(sudo); fi
    say "installing $*"
    [ -n "${apt_updated:-}" ] || "${sudo[@]}" apt-get update -qq
    apt_updated=1
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@" >"$cache/apt.log" 2>&1 ||
        { tail -5 "$cache/apt.log" >&2; die "could not install $*; see $cache/apt.log"; }
}

# crate_tool NAME VERSION BINARY [CARGO-FLAG…]: prints the path of a tool built from crates.io, once per version and compiler.
crate_tool() {
    local name=$1 version=$2 binary=$3; shift 3
    local home="$cache/$name-$version-$(rustc -V | cut -d' ' -f2)"
    if [ ! -e "$home/.done" ]; then
        say "building $name $version (once)"
        CARGO_TARGET_DIR="$home/build" cargo install --quiet --root "$home" --version "$version" "$@" "$name" >&2 ||
            die "could not build $name $version with cargo install"
        rm -rf "$home/build"
        touch "$home/.done"
    fi
    echo "$home/bin/$binary"
}

# python_tools NAME REQUIREMENTS: installs them in a virtual environment in the cache, once per version of Python and list, and prints it.
python_tools() {
    local version; version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    local venv="$cache/$1-$version-$(sha256sum "$root/$2" | cut -c1-16)"
    if [ ! -e "$venv/.done" ]; then
        python3 -c 'import ensurepip' 2>/dev/null || { has apt-get && apt python3-venv; } || die "install Python's venv module"
        say "installing the Python packages of $1 (once)"
        rm -rf "$venv" && python3 -m venv "$venv" >&2 && "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/$2" >&2 ||
            die "could not install $2"
        touch "$venv/.done"
    fi
    echo "$venv"
}

# node_tools DIR: installs DIR's locked npm packages in the cache, once per lock file, and prints their folder.
node_tools() {
    has npm || die "install Node.js 20 or later (it brings npm): the JavaScript tools need it"
    local key; key=$(sha256sum "$root/$1/package-lock.json" | cut -c1-16)
    local home="$cache/npm-$(basename "$1")-$key"
    if [ ! -e "$home/.done" ]; then
        say "installing the npm packages of $1 (once)"
        mkdir -p "$home"
        cp "$root/$1/package.json" "$root/$1/package-lock.json" "$home/"
        (cd "$home" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund) >&2 ||
            die "npm ci failed in $home"
        touch "$home/.done"
    fi
    echo "$home/node_modules"
}

# url_in LOG: waits until a server says in its log where it is, and prints that.
url_in() {
    local url
    for _ in $(seq 300); do
        url=$(sed -n 's/.*TraceLLM is at //p' "$1")
        [ -z "$url" ] || { echo "$url"; return; }
        sleep 0.1
    done
    cat "$1" >&2
    die "the server does not start"
}

# browser_path [MODULES]: prints the path of a Chromium: the one that is named, the system's, Debian's, or that of the Playwright in MODULES.
browser_path() {
    local name
    [ -z "${TRACELLM_CHROMIUM:-}" ] || { echo "$TRACELLM_CHROMIUM"; return; }
    for name in chromium chromium-browser google-chrome; do
        if has $name; then command -v $name; return; fi
    done
    if has apt-get; then
        apt chromium
        command -v chromium
        return
    fi
    [ -n "${1:-}" ] || die "install Chromium, or name one in TRACELLM_CHROMIUM"
    "$1/.bin/playwright" install chromium >&2 || die "install Chromium, or name one in TRACELLM_CHROMIUM"
}
