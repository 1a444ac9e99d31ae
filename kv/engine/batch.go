package engine

// A Batch collects writes that take effect together, in order: a later write to
// a key replaces an earlier one. The zero Batch is empty and ready to use. A
// Batch keeps the slices it is given until Reset: the caller must not change
// them before the batch has been written.
type Batch struct {
	ops  []Op
	size int
}

// An Op is one write: key Key of family CF is set to Value or, if Delete is
// true, removed.
type Op struct {
	CF     CF
	Key    []byte
	Value  []byte // not used if Delete
	Delete bool
}

// Put sets key to value in cf. A nil value is an empty one.
func (b *Batch) Put(cf CF, key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	b.ops = append(b.ops, Op{CF: cf, Key: key, Value: value})
	b.size += len(key) + len(value)
}

// Delete removes key from cf. Removing an absent key is not an error.
func (b *Batch) Delete(cf CF, key []byte) {
	b.ops = append(b.ops, Op{CF: cf, Key: key, Delete: true})
	b.size += len(key)
}

// Append adds ops in order, as Put and Delete would: a nil value is an empty
// one, and the value of a delete is ignored.
func (b *Batch) Append(ops ...Op) {
	for _, op := range ops {
		if op.Delete {
			b.Delete(op.CF, op.Key)
		} else {
			b.Put(op.CF, op.Key, op.Value)
		}
	}
}

// Ops returns the writes in order. The slice belongs to the batch.
func (b *Batch) Ops() []Op { return b.ops }

// Len returns the number of writes.
func (b *Batch) Len() int { return len(b.ops) }

// Size returns the number of bytes in all keys and values. Deletes count with
// their keys.
func (b *Batch) Size() int { return b.size }

// Reset empties the batch and keeps its memory for the next use.
func (b *Batch) Reset() {
	clear(b.ops)
	b.ops, b.size = b.ops[:0], 0
}

// AppendBatch adds the writes of o, in order.
func (b *Batch) AppendBatch(o *Batch) {
	b.ops = append(b.ops, o.ops...)
	b.size += o.size
}

// Fits reports whether b is still within the limits of a batch with n more
// writes, whose keys and values have size bytes.
func (b *Batch) Fits(n, size int) bool {
	return len(b.ops)+n <= MaxBatchLen && b.size+size <= MaxBatchSize
}

// SizeOf returns the number of bytes in all keys and values of ops, as
// Batch.Size counts them.
func SizeOf(ops []Op) int {
	size := 0
	for i := range ops {
		size += len(ops[i].Key)
		if !ops[i].Delete {
			size += len(ops[i].Value)
		}
	}
	return size
}

// Check returns an error if no engine with these families would accept b: an
// error of CheckOps, or a *TooLargeError if the batch exceeds a limit. Engines
// call Check before they apply anything.
func (b *Batch) Check(families []CF) error {
	if err := CheckOps(b.ops, families); err != nil {
		return err
	}
	if b.size > MaxBatchSize {
		return &TooLargeError{What: "batch", Size: b.size, Limit: MaxBatchSize}
	}
	if len(b.ops) > MaxBatchLen {
		return &TooLargeError{What: "number of writes in a batch", Size: len(b.ops), Limit: MaxBatchLen}
	}
	return nil
}

// CheckOps returns an error if no engine with these families would accept one
// of ops: an *UnknownFamilyError, ErrEmptyKey, or a *TooLargeError for a key or
// a value.
func CheckOps(ops []Op, families []CF) error {
	for i := range ops {
		op := &ops[i]
		if err := CheckKey(op.Key); err != nil {
			return err
		}
		if !op.Delete && len(op.Value) > MaxValueSize {
			return &TooLargeError{What: "value", Size: len(op.Value), Limit: MaxValueSize}
		}
		if FamilyIndex(families, op.CF) < 0 {
			return &UnknownFamilyError{CF: op.CF}
		}
	}
	return nil
}
