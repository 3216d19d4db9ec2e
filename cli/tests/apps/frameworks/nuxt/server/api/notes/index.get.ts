export default defineEventHandler(() => [{ id: 1, text: 'one' }, { id: 2, text: 'zwei <ü>' }])
