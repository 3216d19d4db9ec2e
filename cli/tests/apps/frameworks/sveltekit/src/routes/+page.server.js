export const csr = false
export const load = ({ locals }) => ({ user: locals.user, notes: [{ id: 1, text: 'one' }, { id: 2, text: 'zwei <ü>' }] })
