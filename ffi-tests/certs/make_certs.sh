#!/usr/bin/env bash
#
# Makes every certificate, key and revocation list that the tests under ffi-tests/ use, from scratch, into the folder
# of this script. Needs the openssl command line, 3.0 or newer. The output is checked in, so that running the tests
# needs neither this script nor a clock that is right: dates are fixed, and the far end is a century away.
#
#   ca                             P-256 root
#   +- intermediate                P-256
#      +- server-*                 leafs; X.pem is the leaf followed by the intermediate, X.key is PKCS#8
#      +- client-*
#   other-ca                       an unrelated P-256 root
#   +- server-other, client-other  directly below it
#   deep-ca                        RSA-4096 root
#   +- deep-rsa4096                a leaf below six intermediates, all RSA-4096
#   selfsigned, selfsigned-expired self-signed servers for localhost, CA:TRUE as `openssl req -x509` makes them
#   signed-*                       the same, each signed with another algorithm by a key from above
#   crl-*                          revocation lists of the root and of the intermediate
#
# All keys here are public by design: never use them for anything but tests.

set -euo pipefail

cd "$(dirname "$0")"
out=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CA_DIR=$work   # `ca_command` names another one

# Validity, as `openssl ca` wants it: the ordinary one, one that is over, and one that has not begun.
readonly FROM=20200101000000Z
readonly UNTIL=21200101000000Z
readonly OVER_FROM=20100101000000Z
readonly OVER_UNTIL=20110101000000Z
readonly LATER_FROM=21000101000000Z

cat > "$work/openssl.cnf" <<'CONF'
[req]
prompt = no
distinguished_name = no_name
[no_name]

[ca]
default_ca = this_ca
[this_ca]
dir = $ENV::CA_DIR
database = $dir/index.txt
new_certs_dir = $dir
rand_serial = yes
crlnumber = $dir/crlnumber
default_md = sha256
unique_subject = no
policy = any_name
copy_extensions = none
crl_extensions = crl
[any_name]
commonName = supplied

[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[sub_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[crl]
authorityKeyIdentifier = keyid:always

[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost, DNS:*.wild.example, IP:127.0.0.1, IP:::1
[server_renewed]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = IP:::1, DNS:LocalHost, IP:127.0.0.1, DNS:*.wild.example
[server_extended]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost, DNS:*.wild.example, IP:127.0.0.1, IP:::1, DNS:other.example
[server_wrong_name]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:other.example
[server_for_clients]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always

# What the default configuration of `openssl req -x509` puts into a certificate, and a name.
[self_signed]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
basicConstraints = critical, CA:TRUE
subjectAltName = DNS:localhost
CONF

# make_key FILE KIND: a fresh private key as unencrypted PKCS#8.
make_key() {
    case $2 in
        rsa[0-9]*e3)
            local bits=${2#rsa}
            openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${bits%e3}" -pkeyopt rsa_keygen_pubexp:3 \
                -out "$1"
            ;;
        rsa[0-9]*) openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#rsa}" -out "$1" ;;
        p256) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
        p384) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$1" ;;
        p521) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out "$1" ;;
        secp256k1) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out "$1" ;;
        rsapss*) openssl genpkey -quiet -algorithm RSA-PSS -pkeyopt "rsa_keygen_bits:${2#rsapss}" -out "$1" ;;
        ed25519) openssl genpkey -quiet -algorithm ED25519 -out "$1" ;;
        *) echo "unknown kind of key: $2" >&2; return 1 ;;
    esac
    chmod 644 "$1"
}

# ca_command NAME OPTION...: `openssl ca` with the database of the authority NAME.
ca_command() {
    local name=$1
    shift
    local dir=$work/$name
    if [ ! -d "$dir" ]; then
        mkdir "$dir"
        : > "$dir/index.txt"
        echo 1000 > "$dir/crlnumber"
    fi
    CA_DIR=$dir openssl ca -config "$work/openssl.cnf" -batch -notext -md sha256 "$@" 2> "$work/ca.log" || {
        cat "$work/ca.log" >&2
        return 1
    }
}

# request NAME SUBJECT: a certificate request for NAME.key.
request() {
    openssl req -new -config "$work/openssl.cnf" -key "$out/$1.key" -subj "/CN=$2" -out "$work/$1.csr"
}

# make_root NAME KIND SUBJECT
make_root() {
    make_key "$out/$1.key" "$2"
    request "$1" "$3"
    ca_command "$1" -selfsign -keyfile "$out/$1.key" -in "$work/$1.csr" -out "$out/$1.pem" \
        -extensions root -startdate "$FROM" -enddate "$UNTIL"
}

# issue ISSUER NAME KIND SUBJECT EXTENSIONS [FROM UNTIL]: a key and a certificate signed by ISSUER. NAME.pem is that
# certificate alone; see `with_chain`.
issue() {
    make_key "$out/$2.key" "$3"
    request "$2" "$4"
    ca_command "$1" -cert "$out/$1.pem" -keyfile "$out/$1.key" -in "$work/$2.csr" -out "$out/$2.pem" \
        -extensions "$5" -startdate "${6:-$FROM}" -enddate "${7:-$UNTIL}"
}

# with_chain NAME CERTIFICATE...: appends the certificates that lead towards the root.
with_chain() {
    local name=$1
    shift
    local certificate
    for certificate in "$@"; do
        cat "$out/$certificate.pem" >> "$out/$name.pem"
    done
}

# leaf NAME KIND EXTENSIONS [FROM UNTIL]: a leaf of the intermediate, with its chain.
leaf() {
    issue intermediate "$1" "$2" "$1" "$3" "${4:-$FROM}" "${5:-$UNTIL}"
    with_chain "$1" intermediate
}

rm -f ./*.pem ./*.key

make_root ca p256 "Test Root"
issue ca intermediate p256 "Test Intermediate" sub_ca

leaf server-rsa2048 rsa2048 server
leaf server-rsa4096 rsa4096 server
leaf server-p256 p256 server
leaf server-p384 p384 server
leaf server-ed25519 ed25519 server
leaf client-rsa2048 rsa2048 client
leaf client-p256 p256 client
leaf client-p384 p384 client
leaf client-ed25519 ed25519 client

leaf server-expired p256 server "$OVER_FROM" "$OVER_UNTIL"
leaf server-notyet p256 server "$LATER_FROM" "$UNTIL"
leaf server-wrongname p256 server_wrong_name
leaf server-wrongname-expired p256 server_wrong_name "$OVER_FROM" "$OVER_UNTIL"
leaf server-clientusage p256 server_for_clients
leaf server-revoked p256 server

# server-p256 renewed: the same subject and names, in another order, with another key and signature; and with a name more.
# renewed NAME KIND EXTENSIONS OPTION...
renewed() {
    local name=$1 kind=$2 extensions=$3
    shift 3
    make_key "$out/$name.key" "$kind"
    request "$name" server-p256
    ca_command intermediate -cert "$out/intermediate.pem" -keyfile "$out/intermediate.key" -in "$work/$name.csr" \
        -out "$out/$name.pem" -extensions "$extensions" -startdate "$FROM" -enddate "$UNTIL" "$@"
    with_chain "$name" intermediate
}
renewed server-renewed p384 server_renewed -md sha384
renewed server-extended p256 server_extended

# Types of keys that the library does not take.
leaf server-p521 p521 server
leaf server-rsa1024 rsa1024 server
leaf server-rsapss2048 rsapss2048 server
leaf server-secp256k1 secp256k1 server

make_root other-ca p256 "Unrelated Root"
issue other-ca server-other p256 server-other server
issue other-ca client-other p256 client-other client

# Self-signed servers: what `openssl req -x509 -addext subjectAltName=DNS:localhost` makes but for the dates.
# self_signed NAME FROM UNTIL [KEY]
self_signed() {
    make_key "$out/$1.key" "${4:-rsa2048}"
    request "$1" localhost
    ca_command "$1" -selfsign -keyfile "$out/$1.key" -in "$work/$1.csr" -out "$out/$1.pem" \
        -extensions self_signed -startdate "$2" -enddate "$3"
}
self_signed selfsigned "$FROM" "$UNTIL"
self_signed selfsigned-expired "$OVER_FROM" "$OVER_UNTIL"
self_signed selfsigned-rsa6144 "$FROM" "$UNTIL" rsa6144
# RSA keys of which providers load some.
for kind in rsa2047 rsa2056 rsa2304 rsa2560 rsa3000 rsa3072 rsa3584 rsa4104 rsa2048e3; do
    self_signed "selfsigned-$kind" "$FROM" "$UNTIL" "$kind"
done

# Servers whose own signatures are of every kind that channel bindings tell apart.
# signed NAME KEY OPTION...: a certificate for localhost, signed by itself with the key of KEY.
signed() {
    local name=$1 key=$2
    shift 2
    cp "$out/$key.key" "$out/signed-$name.key"
    request "signed-$name" localhost
    ca_command "signed-$name" -selfsign -keyfile "$out/signed-$name.key" -in "$work/signed-$name.csr" \
        -out "$out/signed-$name.pem" -extensions self_signed -startdate "$FROM" -enddate "$UNTIL" "$@"
}
readonly PSS=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest)
for md in md5 sha1 sha256 sha384 sha512; do
    signed "rsa-$md" server-rsa2048 -md "$md"
    [ "$md" = md5 ] || signed "ecdsa-$md" server-p256 -md "$md"
    [ "$md" = md5 ] || signed "pss-$md" server-rsa2048 -md "$md" "${PSS[@]}"
done
signed ecdsa-p384-sha384 server-p384 -md sha384
signed ed25519 server-ed25519 -md default

# A chain as deep and as large as one may meet.
make_root deep-ca rsa4096 "Deep Root"
above=deep-ca
chain=()
for depth in 1 2 3 4 5 6; do
    issue "$above" "deep-$depth" rsa4096 "Deep Intermediate $depth" sub_ca
    above=deep-$depth
    chain=("$above" ${chain[@]+"${chain[@]}"})
done
issue "$above" deep-rsa4096 rsa4096 deep-rsa4096 server
with_chain deep-rsa4096 "${chain[@]}"
rm deep-[1-6].pem deep-[1-6].key

# Revocation lists.
readonly LISTED=("-cert" "$out/intermediate.pem" "-keyfile" "$out/intermediate.key")
ca_command intermediate "${LISTED[@]}" -revoke server-revoked.pem
# The date of a revocation is always today's: put the third field of its line into the past.
sed -i 's/^\(R\t[^\t]*\t\)[^\t]*/\1200201000000Z/' "$work/intermediate/index.txt"
ca_command intermediate "${LISTED[@]}" -gencrl -crl_lastupdate "$FROM" -crl_nextupdate "$UNTIL" \
    -out crl-intermediate.pem
ca_command intermediate "${LISTED[@]}" -gencrl -crl_lastupdate "$OVER_FROM" -crl_nextupdate "$OVER_UNTIL" \
    -out crl-expired.pem
ca_command ca -cert ca.pem -keyfile ca.key -gencrl -crl_lastupdate "$FROM" -crl_nextupdate "$UNTIL" -out crl-root.pem

# The same keys in other encodings.
openssl ec -in server-p256.key -out server-p256.sec1.key 2> "$work/ec.log"
for curve in p256 p384; do
    openssl ec -in server-$curve.key -no_public -out server-$curve.sec1-nopublic.key 2> "$work/ec.log"
    openssl pkcs8 -topk8 -nocrypt -in server-$curve.sec1-nopublic.key -out server-$curve.nopublic.key
done
openssl pkey -traditional -in server-rsa2048.key -out server-rsa2048.pkcs1.key
openssl pkcs8 -topk8 -in server-p256.key -v2 aes-256-cbc -passout pass:secret -out server-p256.encrypted.key
chmod 644 ./*.pem ./*.key

# Look at the result once with other eyes.
for name in server-rsa2048 server-rsa4096 server-p256 server-p384 server-ed25519 server-wrongname server-revoked \
    client-rsa2048 client-p256 client-p384 client-ed25519; do
    openssl verify -CAfile ca.pem -untrusted intermediate.pem "$name.pem" > "$work/verify.log"
done
openssl verify -CAfile deep-ca.pem -untrusted deep-rsa4096.pem deep-rsa4096.pem > "$work/verify.log"
openssl verify -CAfile other-ca.pem server-other.pem > "$work/verify.log"
echo "made $(find . -name '*.pem' | wc -l) certificates and lists, $(find . -name '*.key' | wc -l) keys"
