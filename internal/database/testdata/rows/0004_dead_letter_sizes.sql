INSERT INTO dead_letters VALUES ('journal', 'mqtt', 42, 'sensors/2', x'7b', 0, 1769821200000000, 'not JSON', 1769821203000000, 0);
