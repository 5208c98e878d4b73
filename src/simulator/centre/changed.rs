//! Which objects something happened to since somebody last asked.

use super::super::catalogue::{ObjectRef, TEAM_QUEUES};
use super::queue::index;

/// Objects that something happened to, each once.
#[derive(Debug)]
pub(super) struct Changed {
    agents: Vec<bool>,
    queues: Vec<bool>,
    groups: Vec<bool>,
    list: Vec<ObjectRef>,
}

impl Changed {
    pub(super) fn new(agents: u32, queues: u32, groups: u32) -> Self {
        let none = |count| vec![false; index(count)];
        Self {
            agents: none(agents),
            queues: none(queues),
            groups: none(groups),
            list: Vec::new(),
        }
    }

    fn mark(&mut self, object: ObjectRef) -> Option<&mut bool> {
        match object {
            ObjectRef::Agent(agent) => self.agents.get_mut(index(agent)),
            ObjectRef::Queue(queue) => self.queues.get_mut(index(queue)),
            ObjectRef::Group(team) => self.groups.get_mut(index(team)),
            ObjectRef::Scripted(_) => None,
        }
    }

    pub(super) fn add(&mut self, object: ObjectRef) {
        if let Some(mark) = self.mark(object).filter(|mark| !**mark) {
            *mark = true;
            self.list.push(object);
        }
    }

    /// A team's queues change together, since each one's expected wait depends on both.
    pub(super) fn add_team_queues(&mut self, team: u32) {
        for queue in team * TEAM_QUEUES..(team + 1) * TEAM_QUEUES {
            self.add(ObjectRef::Queue(queue));
        }
    }

    pub(super) fn take(&mut self) -> Vec<ObjectRef> {
        let list = std::mem::take(&mut self.list);
        for object in &list {
            if let Some(mark) = self.mark(*object) {
                *mark = false;
            }
        }
        list
    }
}
