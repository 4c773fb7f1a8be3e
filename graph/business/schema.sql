-- The company's data that the agent reads and writes. Safe to run again, also over an older version.
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
-- Lasting keys of people who proved to be a customer (order and postcode); gone with the customer.
CREATE TABLE IF NOT EXISTS business.proven_keys (
    kind text NOT NULL CHECK (kind IN ('user_id', 'customer_id')),
    value text NOT NULL,
    customer_id bigint NOT NULL REFERENCES business.customers ON DELETE CASCADE,
    proven_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, value, customer_id)
);
CREATE TABLE IF NOT EXISTS business.orders (
    id text PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES business.customers ON DELETE CASCADE,
    status text NOT NULL,
    ordered_on date NOT NULL DEFAULT current_date
);
ALTER TABLE business.orders ADD COLUMN IF NOT EXISTS stage text NOT NULL DEFAULT 'open'
    CHECK (stage IN ('open', 'shipped', 'delivered', 'cancelled'));
ALTER TABLE business.orders ADD COLUMN IF NOT EXISTS address text;
CREATE INDEX IF NOT EXISTS orders_of_customer ON business.orders (customer_id, ordered_on DESC);
CREATE TABLE IF NOT EXISTS business.products (
    id text PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    price numeric(10, 2) NOT NULL CHECK (price >= 0),
    stock integer NOT NULL DEFAULT 0,
    image_url text,
    search tsvector GENERATED ALWAYS AS (to_tsvector('portuguese', name || ' ' || description)) STORED
);
CREATE INDEX IF NOT EXISTS products_search ON business.products USING gin (search);
CREATE TABLE IF NOT EXISTS business.order_items (
    order_id text NOT NULL REFERENCES business.orders ON DELETE CASCADE,
    position integer NOT NULL,
    product_id text REFERENCES business.products,
    name text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, position)
);
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
-- Keys of the changes that were made, so that none is made twice.
CREATE TABLE IF NOT EXISTS business.effects (
    idempotency_key text PRIMARY KEY,
    done_at timestamptz NOT NULL DEFAULT now()
);
