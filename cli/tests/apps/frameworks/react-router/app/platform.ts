import { createContext } from 'react-router'

export const platform = createContext<{ env: { NOTES: KVNamespace }; ctx: ExecutionContext }>()
