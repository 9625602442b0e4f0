-- What arrived is judged by the policy of its class: its type and the way on which it came.
ALTER TABLE validation ADD COLUMN type_code text;
ALTER TABLE validation ADD COLUMN came_by text;
