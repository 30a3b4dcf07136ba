"""Images of any dimension: `scipy.ndimage`."""
