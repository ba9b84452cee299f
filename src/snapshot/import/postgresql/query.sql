-- Written by `review snapshot query postgresql`. Run it once in each database, with psql:
--
--   review snapshot query postgresql | psql -AtX -d DATABASE > DATABASE.json
--
-- It reads the catalogs in a read-only transaction. It reads no row of a table, and no password or password hash.
-- Any role that may connect can run it.
\set QUIET on
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset pager off
\encoding UTF8
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- Functions and operators of other schemas must not stand in for those of the system.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL DateStyle = ISO;

-- What depends on the version or on the rights of the user.
SELECT current_setting('server_version_num')::int >= 150000 AS review_has_parameters,
       has_function_privilege('pg_control_system()', 'EXECUTE') AS review_may_identify \gset
\if :review_may_identify
SELECT system_identifier::text AS review_system FROM pg_control_system() \gset
\else
\set review_system ''
\endif
\if :review_has_parameters
\set review_parameters 'SELECT \'parameter\', NULL::name, parname, NULL::text, NULL::oid, paracl, NULL::aclitem[], false, false, false FROM pg_parameter_acl'
\else
\set review_parameters 'SELECT NULL::text, NULL::name, NULL::text, NULL::text, NULL::oid, NULL::aclitem[], NULL::aclitem[], false, false, false WHERE false'
\endif

WITH extension AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
),
-- Schemas that users can use; temporary ones and those of TOAST tables are left out.
namespace AS (
  SELECT oid, nspname, nspowner, nspacl, nspname ~ '^pg_' OR nspname = 'information_schema' AS is_system
  FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
),
-- Each object with its access list, the list it was created with, and whether the system or an extension made it.
object (kind, schema, name, arguments, owner, acl, initial, is_builtin, has_row_security, forces_row_security) AS (
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname::text, NULL::text, c.relowner,
         coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)),
         coalesce(
           i.initprivs,
           -- What initdb gives to PUBLIC in this schema is not recorded.
           CASE WHEN n.nspname = 'information_schema' AND c.relname !~ '^_'
             THEN ARRAY[makeaclitem(0, c.relowner, 'SELECT', false)] END,
           acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)),
         n.is_system OR e.objid IS NOT NULL, c.relrowsecurity, c.relforcerowsecurity
  FROM pg_class c JOIN namespace n ON n.oid = c.relnamespace
  LEFT JOIN extension e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
  SELECT 'schema', NULL, n.nspname, NULL, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)),
         coalesce(
           i.initprivs,
           CASE n.nspname WHEN 'information_schema' THEN ARRAY[makeaclitem(0, n.nspowner, 'USAGE', false)] END,
           acldefault('n', n.nspowner)),
         n.is_system, false, false
  FROM namespace n
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid
UNION ALL
  SELECT 'database', NULL, d.datname, NULL, d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)), NULL, false, false, false
  FROM pg_database d
UNION ALL
  SELECT 'function', n.nspname, p.proname, oidvectortypes(p.proargtypes), p.proowner,
         coalesce(p.proacl, acldefault('f', p.proowner)), coalesce(i.initprivs, acldefault('f', p.proowner)),
         n.is_system OR e.objid IS NOT NULL, false, false
  FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace
  LEFT JOIN extension e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
UNION ALL
  SELECT 'type', n.nspname, t.typname, NULL, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)),
         coalesce(i.initprivs, acldefault('T', t.typowner)), n.is_system OR e.objid IS NOT NULL, false, false
  FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  LEFT JOIN extension e ON e.classid = 'pg_type'::regclass AND e.objid = t.oid
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_type'::regclass AND i.objoid = t.oid
  WHERE t.typtype IN ('b', 'd', 'e', 'r') AND NOT EXISTS (SELECT FROM pg_type x WHERE x.typarray = t.oid)
     OR c.relkind = 'c'
UNION ALL
  SELECT 'language', NULL, l.lanname, NULL, l.lanowner, coalesce(l.lanacl, acldefault('l', l.lanowner)),
         coalesce(i.initprivs, acldefault('l', l.lanowner)), l.oid < 16384 OR e.objid IS NOT NULL, false, false
  FROM pg_language l
  LEFT JOIN extension e ON e.classid = 'pg_language'::regclass AND e.objid = l.oid
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_language'::regclass AND i.objoid = l.oid
UNION ALL
  SELECT 'foreign_data_wrapper', NULL, f.fdwname, NULL, f.fdwowner, coalesce(f.fdwacl, acldefault('F', f.fdwowner)),
         coalesce(i.initprivs, acldefault('F', f.fdwowner)), e.objid IS NOT NULL, false, false
  FROM pg_foreign_data_wrapper f
  LEFT JOIN extension e ON e.classid = 'pg_foreign_data_wrapper'::regclass AND e.objid = f.oid
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_foreign_data_wrapper'::regclass AND i.objoid = f.oid
UNION ALL
  SELECT 'foreign_server', NULL, s.srvname, NULL, s.srvowner, coalesce(s.srvacl, acldefault('S', s.srvowner)), NULL,
         false, false, false
  FROM pg_foreign_server s
UNION ALL
  SELECT 'tablespace', NULL, t.spcname, NULL, t.spcowner, coalesce(t.spcacl, acldefault('t', t.spcowner)), NULL,
         t.oid < 16384, false, false
  FROM pg_tablespace t
UNION ALL
  SELECT 'large_object', NULL, l.oid::text, NULL, l.lomowner, coalesce(l.lomacl, acldefault('L', l.lomowner)), NULL,
         true, false, false
  FROM pg_largeobject_metadata l
UNION ALL
  :review_parameters
),
-- Of objects that the system or an extension made, only what was granted since; never what an owner has anyway.
listed AS (
  SELECT o.*, (
    SELECT json_agg(json_build_object(
             'to', CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END,
             'privilege', g.privilege_type, 'grantable', g.is_grantable)
           ORDER BY g.grantee, g.privilege_type, g.is_grantable)
    FROM (
      SELECT grantee, privilege_type, is_grantable FROM aclexplode(o.acl)
      EXCEPT
      SELECT grantee, privilege_type, is_grantable FROM aclexplode(CASE WHEN o.is_builtin THEN o.initial END)
    ) g
    WHERE o.owner IS NULL OR g.grantee <> o.owner
  ) AS grants
  FROM object o
),
-- Access to single columns.
"column" AS (
  SELECT n.nspname AS schema, c.relname AS name, a.attname AS attribute, c.relrowsecurity AS has_row_security,
    (
      SELECT json_agg(json_build_object(
               'to', CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END,
               'privilege', g.privilege_type, 'grantable', g.is_grantable)
             ORDER BY g.grantee, g.privilege_type, g.is_grantable)
      FROM (
        SELECT grantee, privilege_type, is_grantable FROM aclexplode(a.attacl)
        EXCEPT
        SELECT grantee, privilege_type, is_grantable FROM aclexplode(i.initprivs)
      ) g
      WHERE g.grantee <> c.relowner
    ) AS grants
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = a.attnum
  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
)
SELECT json_build_object(
  'review_export', 'postgresql',
  'version', 1,
  'taken_at', to_char(transaction_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  'server_version', current_setting('server_version_num')::int,
  'system_identifier', nullif(:'review_system', ''),
  'database', current_database(),
  'roles', (
    SELECT coalesce(json_agg(json_build_object(
      'name', rolname, 'superuser', rolsuper, 'inherit', rolinherit, 'createrole', rolcreaterole,
      'createdb', rolcreatedb, 'login', rolcanlogin, 'replication', rolreplication, 'bypassrls', rolbypassrls,
      'valid_until', CASE WHEN isfinite(rolvaliduntil)
        THEN to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END)
      ORDER BY rolname), '[]')
    FROM pg_roles),
  'memberships', (
    -- The options INHERIT and SET are columns since version 16.
    SELECT coalesce(json_agg(json_build_object(
      'role', pg_get_userbyid(m.roleid), 'member', pg_get_userbyid(m.member), 'admin', m.admin_option,
      'inherit', (to_json(m) ->> 'inherit_option')::boolean, 'set', (to_json(m) ->> 'set_option')::boolean)
      ORDER BY m.roleid, m.member), '[]')
    FROM pg_auth_members m),
  'objects', (
    SELECT coalesce(json_agg(json_build_object(
      'kind', o.kind, 'schema', o.schema, 'name', o.name, 'arguments', o.arguments,
      'owner', CASE WHEN o.owner IS NOT NULL THEN pg_get_userbyid(o.owner) END,
      'row_security', CASE WHEN o.forces_row_security AND o.has_row_security THEN 'forced'
                           WHEN o.has_row_security THEN 'on' ELSE 'off' END,
      'grants', coalesce(o.grants, '[]'))
      ORDER BY o.kind, o.schema, o.name, o.arguments), '[]')
    FROM listed o
    WHERE NOT o.is_builtin OR o.grants IS NOT NULL
       OR o.kind <> 'large_object' AND NOT (SELECT rolsuper FROM pg_roles r WHERE r.oid = o.owner)),
  'columns', (
    SELECT coalesce(json_agg(json_build_object(
      'schema', c.schema, 'table', c.name, 'name', c.attribute, 'row_security', c.has_row_security, 'grants', c.grants)
      ORDER BY c.schema, c.name, c.attribute), '[]')
    FROM "column" c WHERE c.grants IS NOT NULL),
  'default_privileges', (
    SELECT coalesce(json_agg(json_build_object(
      'creator', pg_get_userbyid(d.defaclrole), 'schema', n.nspname,
      'kind', CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function'
                WHEN 'T' THEN 'type' WHEN 'n' THEN 'schema' WHEN 'L' THEN 'large_object' ELSE d.defaclobjtype::text END,
      'grants', (
        SELECT coalesce(json_agg(json_build_object(
                 'to', CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END,
                 'privilege', g.privilege_type, 'grantable', g.is_grantable)
               ORDER BY g.grantee, g.privilege_type, g.is_grantable), '[]')
        FROM aclexplode(d.defaclacl) g WHERE g.grantee <> d.defaclrole))
      ORDER BY d.defaclrole, n.nspname, d.defaclobjtype), '[]')
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace),
  'not_listed', json_build_object(
    'builtin_objects', (
      SELECT count(*) FROM listed o
      WHERE o.is_builtin AND o.kind <> 'large_object' AND o.grants IS NULL
        AND (SELECT rolsuper FROM pg_roles r WHERE r.oid = o.owner)),
    'owner_only_large_objects', (
      SELECT count(*) FROM listed o WHERE o.kind = 'large_object' AND o.grants IS NULL),
    'security_definer_functions', (
      SELECT count(*) FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND NOT n.is_system),
    'row_security_policies', (SELECT count(*) FROM pg_policy),
    'user_mappings', (SELECT count(*) FROM pg_user_mappings),
    'subscriptions', (SELECT count(*) FROM pg_stat_subscription)));
COMMIT;
