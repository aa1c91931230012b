CREATE DATABASE counter;
CREATE TABLE counter.counts (visits INT NOT NULL);
INSERT INTO counter.counts VALUES (1);
CREATE USER counter@'127.0.0.1' IDENTIFIED BY 'counter';
GRANT ALL ON counter.* TO counter@'127.0.0.1';
