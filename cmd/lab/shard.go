package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/labkv/labkv/lab/grade"
)

// A shard is a flag that takes a part of a batch, or of the seeds of a search, such as 2/8.
type shard struct {
	grade.Shard
}

var shardText = regexp.MustCompile(`^([1-9][0-9]{0,5})/([1-9][0-9]{0,5})$`)

// String implements pflag.Value.
func (s *shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// Set implements pflag.Value.
func (s *shard) Set(text string) error {
	m := shardText.FindStringSubmatch(text)
	if m == nil {
		return errors.New("write a part and the number of parts, like 2/8")
	}
	s.Number, _ = strconv.Atoi(m[1])
	s.Of, _ = strconv.Atoi(m[2])
	if s.Number > s.Of {
		return fmt.Errorf("there is no part %d of %d", s.Number, s.Of)
	}
	return nil
}

// Type implements pflag.Value.
func (s *shard) Type() string { return "K/N" }
