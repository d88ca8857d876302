-- Which repositories of a namespace the configuration took when it was listed. Without
-- it, a pattern that was added to the configuration would wait for the next slot.
ALTER TABLE listings ADD COLUMN selection TEXT NOT NULL DEFAULT '';
