package scheduler

type operator struct{}
type operators struct{ running map[uint64]*operator }
