import './styles/tokens.css'
import './styles/base.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { openLine } from './port.ts'

const target = document.getElementById('app')
if (target) mount(App, { target, props: { line: openLine(window) } })
