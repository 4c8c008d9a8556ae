//! How people come to the company: positions to fill, candidates, what they were asked and offered, their first weeks.

use chrono::Days;
use serde_json::{Value, json};

use super::{
    Draw, Kind, Person, World,
    employees::{DEPARTMENT, EMPLOYEE, Employee, POSITION},
    instant, money,
};
use crate::demo::{
    company,
    words::{self, Culture},
};

pub(super) const KINDS: &[Kind] = &[
    REQUISITION,
    CANDIDATE,
    APPLICATION,
    Kind::of("interview", "int", |world| world.count(APPLICATION) * 2, World::interview),
    OFFER,
    Kind::of("onboarding", "onb", |world| world.count(EMPLOYEE), World::onboarding),
];
const REQUISITION: Kind = Kind::of("recruitment", "rcr", |world| 8 + 6 * world.scale(), World::requisition);
const CANDIDATE: Kind = Kind::of("candidate", "cnd", |world| 150 * world.scale(), World::candidate);
/// Each candidate applies once.
const APPLICATION: Kind = Kind::of("application", "app", |world| world.count(CANDIDATE), World::application);
const OFFER: Kind = Kind::of("offer", "ofr", |world| world.count(APPLICATION), World::offer);

/// How far an application came: its status and stage, the candidate's status, interviews, whether there is an offer.
struct Standing {
    status: &'static str,
    stage: &'static str,
    candidate: &'static str,
    interviews: u64,
    offer: Option<&'static str>,
}

const fn standing(
    (status, stage): (&'static str, &'static str),
    candidate: &'static str,
    interviews: u64,
    offer: Option<&'static str>,
) -> Standing {
    Standing { status, stage, candidate, interviews, offer }
}

/// A funnel: most are sent away early.
const STANDINGS: &[(Standing, u64)] = &[
    (standing(("submitted", "resume_review"), "new", 0, None), 16),
    (standing(("screening", "resume_review"), "under_review", 0, None), 14),
    (standing(("rejected", "resume_review"), "rejected", 0, None), 28),
    (standing(("interview_scheduled", "phone_screen"), "interviewing", 1, None), 10),
    (standing(("interviewing", "second_interview"), "interviewing", 2, None), 9),
    (standing(("rejected", "first_interview"), "rejected", 1, None), 9),
    (standing(("withdrawn", "phone_screen"), "withdrawn", 0, None), 4),
    (standing(("offer_extended", "offer_discussion"), "interviewing", 2, Some("extended")), 3),
    (standing(("hired", "offer_discussion"), "hired", 2, Some("accepted")), 5),
    (standing(("rejected", "offer_discussion"), "rejected", 2, Some("rejected")), 2),
];

impl World {
    fn standing_of(&self, application: u64) -> &'static Standing {
        let mut left =
            self.draw("application standing", application).below(STANDINGS.iter().map(|(_, w)| w).sum());
        for (standing, weight) in STANDINGS {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return standing,
            }
        }
        &STANDINGS[0].0
    }

    fn requisition_of(&self, application: u64) -> u64 {
        self.draw("requisition of", application).below(self.count(REQUISITION))
    }

    /// The position that a requisition is to fill.
    fn position_of(&self, requisition: u64) -> u64 {
        self.any_position(&mut self.draw("requisition record", requisition))
    }

    fn requisition(&self, number: u64) -> Value {
        let mut draw = self.draw("requisition record", number);
        let position = self.any_position(&mut draw);
        let (title, department) = self.place_of(position);
        let posted = self.day(-draw.between(5, 150));
        let status = draw.weighted(&[("open", 40), ("in_progress", 30), ("filled", 20), ("on_hold", 10)]);
        json!({
            "title": title,
            "position_id": self.id(POSITION, position),
            "department_id": self.id(DEPARTMENT, department),
            "hiring_manager_id": self.id(EMPLOYEE, number % 8),
            "headcount": draw.between(1, 3),
            "priority": draw.weighted(&[("urgent", 10), ("high", 30), ("medium", 50), ("low", 10)]),
            "status": status,
            "posted_date": posted.to_string(),
            "target_start_date": (posted + Days::new(90)).to_string(),
            "close_date": (status == "filled").then(|| (posted + Days::new(4)).to_string()),
        })
    }

    /// A candidate's name and culture, and the chance that goes on.
    fn candidate_person(&self, number: u64) -> (Person, Culture, Draw) {
        let mut draw = self.draw("candidate record", number);
        let culture = draw.weighted(words::CULTURES);
        (Person::any(&mut draw, culture), culture, draw)
    }

    fn candidate(&self, number: u64) -> Value {
        let (person, culture, mut draw) = self.candidate_person(number);
        let city = draw.pick(words::words(culture).cities);
        let years = draw.between(0, 18);
        let (title, ..) = draw.weighted(words::JOBS);
        let expected = draw.between(38, 92) * 100;
        let status = self.standing_of(number).candidate;
        json!({
            "first_name": person.first,
            "last_name": person.last,
            "email": format!("{}.{number}@mail.example", person.mailbox(1)),
            "mobile_phone": company::phone(&mut draw, &city),
            "current_title": title,
            "years_of_experience": format!("{years}.0"),
            "highest_education": draw.weighted(&[("bachelor", 48), ("master", 30), ("associate", 12), ("phd", 5), ("high_school", 5)]),
            "expected_salary": money(expected),
            "notice_period": draw.weighted(&[("one_month", 40), ("three_months", 25), ("two_months", 15), ("two_weeks", 10), ("immediate", 10)]),
            "source": draw.weighted(&[("job_board", 40), ("direct_application", 20), ("employee_referral", 18), ("headhunter", 12), ("campus", 6), ("social_media", 4)]),
            "status": status,
            // With a resume they would be looked at, and new no longer.
            "resume_url": (status != "new").then(|| format!("https://files.quarry.example/resume/{number}")),
            "city": city.name,
            "country": city.country,
        })
    }

    fn application(&self, number: u64) -> Value {
        let Standing { status, stage, .. } = self.standing_of(number);
        let mut draw = self.draw("application record", number);
        let source =
            draw.weighted(&[("job_board", 45), ("direct_application", 25), ("employee_referral", 30)]);
        json!({
            "candidate_id": self.id(CANDIDATE, number),
            "recruitment_id": self.id(REQUISITION, self.requisition_of(number)),
            "applied_date": self.day(-draw.between(2, 140)).to_string(),
            "status": status,
            "stage": stage,
            "source": source,
            "referrer_id": (source == "employee_referral").then(|| self.id(EMPLOYEE, draw.below(60))),
            "rejection_reason": (*status == "rejected").then_some("Others fit better."),
        })
    }

    fn interview(&self, number: u64) -> Value {
        let (application, round) = (number / 2, number % 2);
        let Standing { interviews, candidate, .. } = self.standing_of(application);
        if round >= *interviews {
            return Value::Null;
        }
        let mut draw = self.draw("interview record", number);
        let requisition = self.requisition_of(application);
        let is_over = round + 1 < *interviews || !matches!(*candidate, "interviewing");
        let day = if is_over { self.day(-draw.between(1, 60)) } else { self.day(draw.between(0, 14)) };
        let (person, ..) = self.candidate_person(application);
        json!({
            "title": format!("{}, round {}", person.name(), round + 1),
            "candidate_id": self.id(CANDIDATE, application),
            "application_id": self.id(APPLICATION, application),
            "recruitment_id": self.id(REQUISITION, requisition),
            "interview_type": if round == 0 { "phone_screen" } else { "second_round" },
            "scheduled_date": instant(&mut draw, day),
            "duration": draw.pick(&[30, 45, 60]),
            "interviewer_id": self.id(EMPLOYEE, requisition % 8),
            "status": if is_over { "completed" } else { "scheduled" },
            "result": match *candidate {
                _ if !is_over => None,
                "hired" => Some("strong_hire"),
                "rejected" => Some("no_hire"),
                _ => Some("hire"),
            },
        })
    }

    fn offer(&self, number: u64) -> Value {
        let Standing { offer: Some(status), .. } = self.standing_of(number) else { return Value::Null };
        let mut draw = self.draw("offer record", number);
        let requisition = self.requisition_of(number);
        let position = self.position_of(requisition);
        let (_, department) = self.place_of(position);
        let is_open = *status == "extended";
        let offered = self.day(-draw.between(1, if is_open { 5 } else { 50 }));
        json!({
            "candidate_id": self.id(CANDIDATE, number),
            "application_id": self.id(APPLICATION, number),
            "recruitment_id": self.id(REQUISITION, requisition),
            "position_id": self.id(POSITION, position),
            "department_id": self.id(DEPARTMENT, department),
            "hiring_manager_id": self.id(EMPLOYEE, requisition % 8),
            "offer_date": offered.to_string(),
            "start_date": (offered + Days::new(60)).to_string(),
            "base_salary": money(draw.between(42, 88) * 100),
            "probation_period": "three_months",
            "approval_status": "approved",
            "status": status,
            "response_date": (!is_open).then(|| (offered + Days::new(1)).to_string()),
            "rejection_reason": (*status == "rejected").then_some("Stays where they are."),
        })
    }

    fn onboarding(&self, number: u64) -> Value {
        let (Employee { person, hired, left, .. }, _) = self.employee(number);
        // Who came in the last 30 days has one by the rules of the package.
        if hired < self.day(-200) || hired >= self.day(-30) || left.is_some() {
            return Value::Null;
        }
        let weeks = self.today().signed_duration_since(hired).num_days() / 7;
        json!({
            "title": format!("Onboarding: {}", person.name()),
            "employee_id": self.id(EMPLOYEE, number),
            "manager_id": self.id(EMPLOYEE, self.leader_of(number)),
            "buddy_id": self.id(EMPLOYEE, 8 + (number + 1) % 40),
            "start_date": hired.to_string(),
            "probation_end_date": (hired + Days::new(90)).to_string(),
            "status": if weeks >= 12 { "completed" } else { "in_progress" },
            "paperwork_completed": true,
            "it_setup_completed": weeks >= 1,
            "workspace_setup_completed": weeks >= 1,
            "system_access_granted": weeks >= 2,
            "training_completed": weeks >= 6,
        })
    }
}
