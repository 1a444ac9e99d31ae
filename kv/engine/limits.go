package engine

// The limits are the same for all engines, so that code that works with the
// engine in memory works with the engine on disk.
const (
	// MaxKeySize is the largest key, in bytes.
	MaxKeySize = 32 << 10
	// MaxValueSize is the largest value, in bytes.
	MaxValueSize = 8 << 20
	// MaxBatchSize is the largest Size of a Batch, in bytes.
	MaxBatchSize = 16 << 20
	// MaxBatchLen is the largest Len of a Batch.
	MaxBatchLen = 1 << 17
)

// CheckKey returns an error if no engine would accept key: ErrEmptyKey or a
// *TooLargeError.
func CheckKey(key []byte) error {
	switch {
	case len(key) == 0:
		return ErrEmptyKey
	case len(key) > MaxKeySize:
		return &TooLargeError{What: "key", Size: len(key), Limit: MaxKeySize}
	default:
		return nil
	}
}
