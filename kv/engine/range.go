package engine

import "bytes"

// A Range is the half-open interval of keys [Start, End). A nil or empty
// Start is the first key of the family, a nil or empty End lies past its last.
// A Range whose Start is not below its End holds no key.
type Range struct {
	Start, End []byte
}

// Contains reports whether key lies in r.
func (r Range) Contains(key []byte) bool {
	return bytes.Compare(key, r.Start) >= 0 && (len(r.End) == 0 || bytes.Compare(key, r.End) < 0)
}
