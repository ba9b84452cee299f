#!/usr/bin/env bash
# A toy issuer, so that this page can be tried offline: `keys` prints its public keys (JWKS), `token SUBJECT AUDIENCE` signs a
# token that lives ten minutes. A real one is GitHub, SPIRE, or the cluster's API server.
set -eu
url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
[ -f issuer.pem ] || openssl genrsa -out issuer.pem 3072 2>/dev/null
case $1 in
  keys)
    n=$(printf "$(openssl rsa -in issuer.pem -noout -modulus | cut -d= -f2 | sed 's/../\\x&/g')" | url)
    printf '{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"toy-1","n":"%s","e":"AQAB"}]}\n' "$n"
    ;;
  token)
    now=$(date +%s)
    head=$(printf '{"alg":"RS256","kid":"toy-1","typ":"JWT"}' | url)
    body=$(printf '{"iss":"https://issuer.corp.example","sub":"%s","aud":"%s","iat":%d,"exp":%d}' "$2" "$3" "$now" $((now + 600)) | url)
    printf '%s.%s.%s\n' "$head" "$body" "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -sign issuer.pem -binary | url)"
    ;;
esac
