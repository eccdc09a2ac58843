# Comment out a repository's list of mirrors, and set one address in its place.
BEGIN { section = ENVIRON["section"]; url = ENVIRON["value"] }
{ sub(/\r$/, "") }
/^\[/ { put(); inside = (substr($0, 1, index($0, "]")) == "[" section "]") }
inside && /^(mirrorlist|metalink)[ \t]*=/ { print "#" $0; skip = 1; put(); next }
inside && /^baseurl[ \t]*=/ { skip = 1; put(); next }
skip && /^[ \t]+[^ \t]/ { next }
{ skip = 0 }
/^[ \t]*$/ { put() }
{ print }
function put() { if (inside && !done) { print "baseurl=" url; done = 1 } }
END { put() }
