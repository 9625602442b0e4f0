-- What a package holds: whoever fetches it may know of all of that still. None: made before, and asked of all members.
ALTER TABLE work_file_export ADD COLUMN holds uuid[];
