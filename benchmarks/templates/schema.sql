CREATE TABLE IF NOT EXISTS mail.domains (
    domain varchar(255) NOT NULL,
    PRIMARY KEY (domain)
);
CREATE TABLE IF NOT EXISTS mail.forwardings (
    source varchar(255) NOT NULL,
    destination text NOT NULL,
    PRIMARY KEY (source)
);
CREATE TABLE IF NOT EXISTS mail.users (
    email varchar(255) NOT NULL,
    password varchar(255) NOT NULL,
    PRIMARY KEY (email)
);
CREATE TABLE IF NOT EXISTS mail.transport (
    domain varchar(255) NOT NULL DEFAULT '',
    transport varchar(255) NOT NULL DEFAULT '',
    PRIMARY KEY (domain)
);
