package escape

const memfdCreate = 319
