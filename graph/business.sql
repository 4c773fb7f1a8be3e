-- The company's data that the agent reads and writes. Safe to run again.
CREATE SCHEMA IF NOT EXISTS business;
CREATE TABLE IF NOT EXISTS business.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text
);
CREATE TABLE IF NOT EXISTS business.customer_keys (
    kind text NOT NULL,
    value text NOT NULL,
    customer_id bigint NOT NULL REFERENCES business.customers ON DELETE CASCADE,
    PRIMARY KEY (kind, value)
);
CREATE TABLE IF NOT EXISTS business.orders (
    id text PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES business.customers ON DELETE CASCADE,
    status text NOT NULL,
    ordered_on date NOT NULL DEFAULT current_date
);
CREATE INDEX IF NOT EXISTS orders_of_customer ON business.orders (customer_id, ordered_on DESC);
CREATE TABLE IF NOT EXISTS business.tickets (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES business.customers ON DELETE CASCADE,
    subject text NOT NULL,
    description text NOT NULL,
    priority text NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    status text NOT NULL DEFAULT 'Aberto',
    idempotency_key text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS tickets_of_customer ON business.tickets (customer_id);
