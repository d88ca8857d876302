INSERT INTO meta VALUES ('client_id', 'pulltrail-0a1b2c3d');
INSERT INTO repositories VALUES (1, 'library', 'nginx', 0), (2, 'hidden', 'plans', 1);
INSERT INTO topics VALUES (1, 'com/docker/hub/repositories/metrics/library/nginx');
INSERT INTO bodies VALUES (1, x'00ff', CAST('{"user":"library","name":"nginx","pull_count":null}' AS BLOB));
INSERT INTO snapshots VALUES
    (1, 1, 1769821200000000, 1769821201000001, 1769821202000002, 12916987208, 20000, NULL, 1769800000000000, NULL, NULL, '"2026-01-31T02:00:01+01:00"', 1, 1),
    (7, 1, 1769824800000000, 1769824801000001, 1769824802000002, 12916990000, NULL, 123456789, NULL, NULL, NULL, NULL, 1, 1);
INSERT INTO outbox VALUES ('library', 'nginx', 1769828400000000, CAST('{"namespace":"library","name":"nginx","pull_count":12917000000}' AS BLOB));
INSERT INTO outbox_newest VALUES ('library', 'nginx', 1769828400000000);
INSERT INTO cursors VALUES ('opensearch', 'history', 7), ('opensearch', 'journal', 9223372036854775807);
INSERT INTO slots VALUES ('collect', 1769828400000000);
INSERT INTO dead_letters VALUES ('opensearch', 'journal', 41, 'sensors/1', x'7b00', 0, 1769821200000000, 'mapper_parsing_exception', 1769821203000000, 1);
