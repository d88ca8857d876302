INSERT INTO listings VALUES ('oitc', 1769828400000000, 0, 12, 12, 0, '', 'oitc/*');
