;(globalThis as any).registered = [...((globalThis as any).registered ?? []), 'globals']
