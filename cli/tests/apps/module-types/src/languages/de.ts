export default 'Guten Tag'
