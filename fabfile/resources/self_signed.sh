# The fix of SelfSignedCertificate: create a private key for $owner and a certificate for $name that
# is valid for $days, and note the pair in $made_file. Fail if the present certificate at $certificate
# is not self-signed. Needs files.sh.
named() { openssl x509 -in "$certificate" -noout "-$1" 2>/dev/null | sed 's/^[^=]*= *//'; }
if [ "$(named issuer)" != "$(named subject)" ]; then
    echo "$certificate was issued by $(named issuer)"
    exit 1
fi
# OpenSSL before 1.1.1 has no `-addext`; it needs a configuration file. $common_name is $name, cut to
# X.520's limit.
cat >"$work/openssl.cnf" <<END
[req]
distinguished_name = dn
x509_extensions = ext
prompt = no
[dn]
CN = $common_name
[ext]
subjectAltName = DNS:$name
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature,keyEncipherment,keyCertSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
END
openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days "$days" -config "$work/openssl.cnf" \
    -keyout "$work/new.key" -out "$work/new.crt"
keep "$certificate"
write_file "$owner" root 0600 "$private_key" <"$work/new.key"
write_file root root 0644 "$certificate" <"$work/new.crt"
digest=$(cat "$certificate" "$private_key" | sha256sum)
until=$(($(date +%s) + days * 86400))
printf '%s %s %s\n' "${digest%% *}" "$until" "$name" >>"$made_file"
rm -f "$work/new.key" "$work/new.crt" "$work/openssl.cnf"
