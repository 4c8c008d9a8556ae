SELECT tableoid, xmin FROM pg_class WHERE relname = 'account';
SELECT c.tableoid, n.tableoid AS other FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'account';
SELECT relname FROM pg_class c WHERE EXISTS (SELECT 1 FROM pg_description c WHERE c.classoid = 1259 AND c.tableoid = 2609) AND relname = 'account' AND tableoid = 1259;
SELECT x.tableoid FROM (SELECT oid, tableoid FROM pg_type WHERE typname = 'int4') x;
SELECT tableoid FROM pg_tables;
