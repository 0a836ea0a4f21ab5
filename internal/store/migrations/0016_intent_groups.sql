-- How many groups the organization had before GitHub was asked to create one, if not all of
-- them were listed. 0: all were.
ALTER TABLE intent ADD COLUMN group_count BIGINT NOT NULL DEFAULT 0;
