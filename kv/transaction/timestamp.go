package transaction

// LogicalBits is the width of a timestamp's logical part, which counts the timestamps
// of one millisecond.
const LogicalBits = 18

// Timestamp puts the two parts of a timestamp together: physical is in milliseconds
// since 1970.
func Timestamp(physical, logical int64) uint64 {
	return uint64(physical)<<LogicalBits | uint64(logical)
}

// Physical returns the physical part of a timestamp, in milliseconds since 1970. Times
// to live are measured by it: timestamps that differ in their logical parts only are
// of the same millisecond.
func Physical(ts uint64) int64 { return int64(ts >> LogicalBits) }
