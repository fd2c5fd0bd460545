// The users: one member of staff and two patients.
const made = (id, name, password, role, given, family, more = {}) => ({
  id, name, password, role, given, family, ...more,
  claims: {
    name: `${given} ${family}`,
    given_name: given,
    family_name: family,
    email: `${name}@example.org`,
    email_verified: true,
  },
});

export const PEOPLE = [
  made('a1000000-0000-4000-8000-000000000001', 'admin', 'pass', 'staff', 'Ada', 'Admin'),
  made('b1000000-0000-4000-8000-000000000001', 'phil', 'phil-Pass-1', 'patient', 'Phil', 'First', { pid: 1 }),
  made('b1000000-0000-4000-8000-000000000002', 'susan', 'susan-Pass-1', 'patient', 'Susan', 'Second', { pid: 2 }),
];
export const person = (id) => PEOPLE.find((one) => one.id === id);
