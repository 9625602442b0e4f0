-- A key made on a device that is yet to be handed over: its certificate owes a receipt.
ALTER TABLE certificate_request ADD COLUMN device_id uuid REFERENCES device;
