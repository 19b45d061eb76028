#!/bin/sh
# Makes the certificates of this directory: a private CA, a server at localhost, a client. For tests only; valid for a century.
set -eu
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt; }
sign() { # name, subject, extensions
  key > "$1.key"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.pem -CAkey ca.key -days 36500 -set_serial "0x$(openssl rand -hex 8)" \
      -extfile /dev/fd/3 -out "$1.crt" 3<<EXTENSIONS
$3
EXTENSIONS
  cat "$1.crt" "$1.key" > "$1.pem"
}
key > ca.key
openssl req -x509 -key ca.key -days 36500 -subj "/O=durabl tests/CN=CA" -out ca.pem \
  -addext "basicConstraints=critical,CA:true" -addext "keyUsage=critical,keyCertSign"
sign server "/O=durabl tests/OU=servers/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1
extendedKeyUsage=serverAuth,clientAuth"
sign client "/O=durabl tests/OU=clients/CN=worker" "extendedKeyUsage=clientAuth"
# The same client, its key encrypted as older tools did it.
{ cat client.crt; openssl ec -in client.key -aes128 -passout pass:open-sesame; } > client-encrypted.pem
rm -f ./*.key ./*.crt
