SELECT domain FROM domains
UNION SELECT SUBSTRING_INDEX(email, '@', -1) FROM users WHERE email LIKE '%@mailfab-verify-%'
UNION SELECT SUBSTRING_INDEX(source, '@', -1) FROM forwardings
    WHERE source LIKE '%@mailfab-verify-%'
