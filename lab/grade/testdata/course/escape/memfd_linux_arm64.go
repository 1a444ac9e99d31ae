package escape

const memfdCreate = 279
