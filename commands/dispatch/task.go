package dispatch

import (
	"cmp"
	"slices"
)

// A Task is what a user wants to do with a command. Help, the start page, the API
// description and the reference group the commands by it.
type Task string

// The tasks, in the order in which they are shown.
const (
	TaskOwnGroup Task = "Your runner group"
	TaskRepos    Task = "Repositories and workflows"
	TaskRunners  Task = "Runners"
	TaskActivity Task = "Activity and help"
	TaskOwners   Task = "For organization owners"
)

// A TaskGroup is a task with its commands.
type TaskGroup struct {
	Task  Task
	Specs []Spec
}

// ByTask groups the commands by task, and keeps their order within a task. It leaves out
// tasks without commands. Commands without a task are shown with [TaskActivity].
func ByTask(specs []Spec) []TaskGroup {
	var groups []TaskGroup
	for _, task := range tasks() {
		group := TaskGroup{Task: task}
		for _, spec := range specs {
			if cmp.Or(spec.Task, TaskActivity) == task {
				group.Specs = append(group.Specs, spec)
			}
		}
		if len(group.Specs) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

func tasks() []Task { return []Task{TaskOwnGroup, TaskRepos, TaskRunners, TaskActivity, TaskOwners} }

func (t Task) exists() bool { return slices.Contains(tasks(), t) }
