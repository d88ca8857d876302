INSERT INTO announced VALUES ('homeassistant/device/pulltrail/config');
