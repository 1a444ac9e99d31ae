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

// Intersect returns the keys that are in both r and o.
func (r Range) Intersect(o Range) Range {
	if bytes.Compare(o.Start, r.Start) > 0 {
		r.Start = o.Start
	}
	if len(r.End) == 0 || len(o.End) > 0 && bytes.Compare(o.End, r.End) < 0 {
		r.End = o.End
	}
	return r
}

// Overlaps reports whether some key could be in both r and o.
func (r Range) Overlaps(o Range) bool {
	both := r.Intersect(o)
	return len(both.End) == 0 || bytes.Compare(both.Start, both.End) < 0
}
