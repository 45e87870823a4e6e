//! The live desktop as a person has it: a real Chromium shows a VM's desktop over WebRTC, and what is typed, pasted and clicked
//! in the page arrives in a program in the VM, which tells what it got by way of its credentials.

mod clipboard;
mod handover;
mod network;
mod pixel;
mod player;
mod reconnections;
mod typing;
mod viewer;
