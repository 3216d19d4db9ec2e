import { createContext } from 'preact'

export type ShopData = { name: string; currency: string }

export const Shop = createContext<ShopData>({ name: '', currency: '' })
