/** What people do in a practice. Roles do not include one another: each row of the table below says all. */
export const roles = [
  'owner',
  'practice_manager',
  'therapist',
  'intake',
  'billing',
  'it_administrator',
] as const;
export type Role = (typeof roles)[number];

export type Permission =
  | 'clients.read'
  | 'clients.write'
  | 'notes.read'
  | 'notes.write'
  | 'staff.read'
  | 'staff.manage'
  | 'audit.read';

/**
 * Each role has what its work needs and no more (45 CFR 164.502(b), minimum necessary): notes are for those who treat,
 * and whoever runs the computers sees no client.
 */
export const permissions: Readonly<Record<Role, readonly Permission[]>> = {
  owner: [
    'clients.read',
    'clients.write',
    'notes.read',
    'notes.write',
    'staff.read',
    'staff.manage',
    'audit.read',
  ],
  practice_manager: ['clients.read', 'clients.write', 'staff.read', 'audit.read'],
  therapist: ['clients.read', 'notes.read', 'notes.write'],
  intake: ['clients.read', 'clients.write'],
  billing: ['clients.read'],
  it_administrator: ['staff.read', 'staff.manage', 'audit.read'],
};

/** Anybody; any member of staff with a session; or one whose role has the permission. */
export type Access = 'public' | 'signed-in' | Permission;

/**
 * Who may ask for what: the only place that says so. A registered route without a row here, or a row without a route,
 * stops the start.
 */
export const accessTable: Readonly<Record<string, Access>> = {
  // For load balancers and probes, which carry no session; they tell nothing of the practice's records.
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /version': 'public',

  'GET /assets/app.css': 'public',
  'GET /assets/invitation.js': 'public',
  'GET /sign-in': 'public',
  'POST /sign-in': 'public',
  // These four ask for what the step before gave: the password, or the link.
  'GET /sign-in/code': 'public',
  'POST /sign-in/code': 'public',
  'GET /enrolment': 'public',
  'POST /enrolment': 'public',
  'GET /invitation': 'public',
  'POST /invitation': 'public',

  'GET /': 'signed-in',
  'POST /sign-out': 'signed-in',
  'GET /account': 'signed-in',
  'POST /account/password': 'signed-in',
  'POST /account/authenticator': 'signed-in',
  'GET /clients': 'clients.read',
  'POST /clients': 'clients.write',
  'GET /clients/:id': 'clients.read',
  'POST /clients/:id': 'clients.write',
  'POST /clients/:id/notes': 'notes.write',
  'GET /staff': 'staff.read',
  'POST /staff': 'staff.manage',
  'POST /staff/:id/role': 'staff.manage',
  'POST /staff/:id/disable': 'staff.manage',
  'POST /staff/:id/reset': 'staff.manage',
  'GET /audit': 'audit.read',

  'GET /api/me': 'signed-in',
  'GET /api/clients': 'clients.read',
  'POST /api/clients': 'clients.write',
  'GET /api/clients/:id': 'clients.read',
  'PUT /api/clients/:id': 'clients.write',
  'GET /api/clients/:id/notes': 'notes.read',
  'POST /api/clients/:id/notes': 'notes.write',
  'GET /api/staff': 'staff.read',
  'POST /api/staff': 'staff.manage',
  'PUT /api/staff/:id/role': 'staff.manage',
  'POST /api/staff/:id/disable': 'staff.manage',
  'POST /api/staff/:id/reset': 'staff.manage',
  'GET /api/audit': 'audit.read',
};

export function may(role: Role, permission: Permission): boolean {
  return permissions[role].includes(permission);
}
