#!/usr/bin/env bash
# An agency's own certificate authority, with OpenSSL alone. See README.md beside this file.
#
#   agency-ca.sh new FOLDER "NAME OF THE AGENCY"     makes FOLDER/ca.pem and FOLDER/ca-key.pem
#   agency-ca.sh issue FOLDER NAME...                makes FOLDER/<first name>.pem and FOLDER/<first name>-key.pem
#
# NAME is a host name or an address. Nothing that is there is overwritten, except a certificate that is issued again.
set -euo pipefail
umask 077

ca_days=7300   # twenty years: an authority outlives the boxes
leaf_days=825  # the longest that browsers take

fail() {
  printf 'agency-ca.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  sed -n '4,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

new_authority() {
  local folder=$1 agency=$2
  [ ! -e "$folder/ca-key.pem" ] || fail "$folder/ca-key.pem is there already"
  mkdir -p "$folder"
  openssl ecparam -name prime256v1 -genkey -noout -out "$folder/ca-key.pem"
  openssl req -new -x509 -sha256 -days "$ca_days" -key "$folder/ca-key.pem" -out "$folder/ca.pem" \
    -config <(printf '%s\n' '[req]' 'distinguished_name = subject' '[subject]' '[authority]' \
      'basicConstraints = critical, CA:TRUE, pathlen:0' 'keyUsage = critical, keyCertSign, cRLSign' \
      'subjectKeyIdentifier = hash') \
    -extensions authority -subj "/O=${agency//\//\\/}/CN=${agency//\//\\/} authority"
  chmod 644 "$folder/ca.pem"
  printf 'made %s (give it to every client) and %s (keep it offline)\n' "$folder/ca.pem" "$folder/ca-key.pem"
}

# The subjectAltName of host names and addresses: DNS:a,IP:b
alternative_names() {
  local name list=''
  for name in "$@"; do
    case $name in
      *[!A-Za-z0-9.:-]* | '' | -*) fail "'$name' is neither a host name nor an address" ;;
      *:*) list+=",IP:$name" ;;
      *[!0-9.]*) list+=",DNS:$name" ;;
      *) list+=",IP:$name" ;;
    esac
  done
  printf '%s' "${list#,}"
}

issue() {
  local folder=$1 names
  shift
  names=$(alternative_names "$@")
  [ -r "$folder/ca-key.pem" ] || fail "$folder/ca-key.pem is missing: run 'new' first"
  local key="$folder/$1-key.pem" certificate="$folder/$1.pem"
  [ -e "$key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$key"
  openssl req -new -sha256 -key "$key" -subj "/CN=$1" \
    -config <(printf '%s\n' '[req]' 'distinguished_name = subject' '[subject]') |
    openssl x509 -req -sha256 -days "$leaf_days" -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" \
      -set_serial "0x$(openssl rand -hex 16)" -out "$certificate.new" \
      -extfile <(printf '%s\n' 'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, digitalSignature' \
        'extendedKeyUsage = serverAuth' 'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid' \
        "subjectAltName = $names") 2>/dev/null
  chmod 644 "$certificate.new"
  mv "$certificate.new" "$certificate"
  printf 'made %s and %s for %s\n' "$certificate" "$key" "$names"
}

if [ $# -eq 3 ] && [ "$1" = new ]; then
  new_authority "$2" "$3"
elif [ $# -ge 3 ] && [ "$1" = issue ]; then
  issue "${@:2}"
else
  usage
fi
